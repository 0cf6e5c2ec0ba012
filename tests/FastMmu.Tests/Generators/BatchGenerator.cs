using FastMmu.Processor;

namespace FastMmu.Tests.Generators;

/// <summary>Batches of addresses: with strides, in runs of one page, here and there, with a bad one among them.</summary>
internal static class BatchGenerator
{
    public static TlbStep.Batch Batch(EdgeRandom random, in PagingState state, IReadOnlyList<ulong> pages)
    {
        List<ulong> linear = [];
        ulong start = random.Among(pages);
        switch (random.Below(4))
        {
            case 0:
                ulong stride = random.Pick<ulong>(8, 64, 120, 520);
                for (int i = random.Between(1, 300); i > 0; i--) linear.Add(start += stride);
                break;
            case 1 when random.OneIn(8):
                // Page after page through a whole table: most are absent, unless a large page has them all.
                for (int i = random.Between(200, 600); i > 0; i--) linear.Add(start += 0x1000);
                break;
            case 2:
                for (int i = random.Between(1, 40); i > 0; i--) linear.Add(LinearGenerator.Near(random, in state, pages));
                break;
            default:
                // Up to two thousand; blocks of the vector kernels are 256 long, and what one of them finds decides how the next ones are read.
                for (int i = random.Pick(random.Between(1, 60), 160); i > 0; i--)
                {
                    ulong page = random.Among(pages);
                    for (int run = random.Pick(1, 1, 2, 17, 40); run > 0; run--) linear.Add(page + (ulong)random.Below(4096));
                }

                break;
        }

        if (random.OneIn(3)) linear.Insert(random.Below(linear.Count), random.Word());
        Access kind = random.OneIn(16) ? random.Pick(Access.ShadowStackRead, Access.ShadowStackWrite)
            : random.Pick(Access.Read, Access.Read, Access.Write, Access.Execute);
        Privilege privilege = random.Pick(Privilege.User, Privilege.User, Privilege.Supervisor, Privilege.ImplicitSupervisor);
        return new TlbStep.Batch(linear, kind, privilege, random.OneIn(2));
    }

    /// <summary>Shorter batches.</summary>
    public static IEnumerable<TlbStep.Batch> Smaller(TlbStep.Batch batch)
    {
        foreach (IReadOnlyList<ulong> linear in Shrinking.Without(batch.Linear)) yield return batch with { Linear = linear };
        if (batch.InPlace) yield return batch with { InPlace = false };
    }
}
