using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>The set of permitted answers is neither too small nor too large, over random programs.</summary>
public class ReferenceTlbPropertyTests
{
    private const int Steps = 1500;

    [Fact]
    public void ProcessorThatForgetsOnlyWhatItMust_IsAlwaysPermitted()
    {
        for (int seed = 0; seed < 20; seed++) Assert.Null(FirstRefusal(Mistake.None, seed));
    }

    [Theory]
    [InlineData(Mistake.KeepsPageAfterInvlpg)]
    [InlineData(Mistake.KeepsGlobalPageOfAnotherContextAfterInvlpg)]
    [InlineData(Mistake.KeepsContextAfterCr3Write)]
    [InlineData(Mistake.KeepsGlobalPagesAfterPgeChange)]
    [InlineData(Mistake.ServesAnotherContext)]
    [InlineData(Mistake.WritesToCleanPageWithoutWalk)]
    [InlineData(Mistake.MixesOldFrameWithNewRights)]
    [InlineData(Mistake.KeepsPageAfterPageFault)]
    public void ProcessorWithAMistake_IsRefusedSoonerOrLater(Mistake mistake)
    {
        Assert.Contains(Enumerable.Range(0, 20), seed => FirstRefusal(mistake, seed) is not null);
    }

    /// <summary>Runs a random program; the first answer that is not permitted, with its step, or null.</summary>
    private static string? FirstRefusal(Mistake mistake, int seed)
    {
        var random = new Random(seed);
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.PcideBit | Cr4.PgeBit;
        tables.State.Cr3 = 0x6001;
        var tlb = new ReferenceTlb(tables.Memory, SpuriousFaults.None);
        var processor = new LazyProcessor(tables.Memory, mistake);
        for (int step = 0; step < Steps; step++)
        {
            ulong page = (ulong)random.Next(4);
            ulong linear = tables.Linear + (page << 12);
            switch (random.Next(20))
            {
                case 0:
                    processor.InvalidatePage(tables.State, linear);
                    tlb.InvalidatePage(tables.State, linear);
                    break;
                case 1:
                    ulong operand = 0x6000 | (ulong)random.Next(1, 3) | ((ulong)random.Next(2) << 63);
                    processor.WriteCr3(operand);
                    tlb.WriteCr3(tables.State, operand);
                    tables.State.Cr3 = operand & ~(1UL << 63);
                    break;
                case 2 when random.Next(8) == 0:
                    PagingState before = tables.State;
                    tables.State.Cr4 = before.Cr4.Value ^ Cr4.PgeBit;
                    processor.ChangePge();
                    tlb.WriteControlRegister(before, tables.State);
                    break;
                case < 7:
                    ulong frame = (ulong)random.Next(9, 13) << 12;
                    ulong flags = (ulong)random.Next(8);
                    ulong entry = frame | flags | (random.Next(4) == 0 ? G : 0) | (random.Next(4) == 0 ? 0 : P);
                    tables.Memory.WritePhysical(tables.AddressOf(1) + (8 * page), entry, 8);
                    break;
                default:
                    var access = new ReferenceAccess(linear, random.Next(2) == 0 ? Access.Read : Access.Write, (Privilege)random.Next(2));
                    Verdict verdict = tlb.Observe(tables.State, access, processor.Access(tables.State, access));
                    if (!verdict.IsPermitted) return $"seed {seed}, step {step}, {access}: {verdict.Explanation}";
                    break;
            }
        }

        return null;
    }
}
