using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Reference;
using FsCheck;

namespace FastMmu.Tests.Generators;

/// <summary>
/// Programs that change their page tables and do not always say so, in a few address spaces that share tables, over few pages: what was
/// cached and what is true differ most of the time.
/// </summary>
internal static class TlbProgramGenerator
{
    private const ulong FirstTable = 0x10_0000;
    private const int Roots = 3;
    private const int Tables = 15;

    private static readonly ulong[] s_pcids = [0, 1, 2, 4095];

    /// <summary>RAM for tables and small pages, for two huge pages (the rest of those is a hole), and ROM.</summary>
    public static IReadOnlyList<MemoryRange> Layout { get; } =
    [
        new(0UL, 0x80_0000),
        new(0x100_0000, 0x1_0000, MemoryKind.Rom),
        new(0x4000_0000, 0x20_0000),
        new(0x8000_0000, 0x20_0000),
    ];

    /// <summary>Where data begins: everything below is tables.</summary>
    public const ulong FirstData = 0x20_0000;

    public static Arbitrary<TlbProgram> Programs(int steps) => EdgeRandom.Cases(random => Make(random, steps), Smaller);

    public static TlbProgram Make(EdgeRandom random, int steps)
    {
        MachineKind kind = random.Pick(
            MachineKind.FourLevel, MachineKind.FourLevel, MachineKind.FourLevel, MachineKind.FourLevel, MachineKind.FiveLevel, MachineKind.FiveLevel,
            MachineKind.TwoLevel, MachineKind.Pae, MachineKind.PaeWithPdptesOnDemand);
        ProcessorFeatures features = RegisterGenerator.Features(random, kind);
        // Both send every address the long way round; most programs should take the short one.
        if (!random.OneIn(6)) features = features with { Lam = false };
        if (!random.OneIn(6)) features = features with { Lass = false };
        PagingState state = RegisterGenerator.State(random, kind, features);
        state.Cr3 = state.Cr3.Value | FirstTable;

        List<ulong> pages = Pages(random, state.Mode);
        var builder = new TableBuilder(random, state, level => Table(random, level), bits => Page(random, bits));
        for (ulong root = 0; root < Roots; root++)
        {
            foreach (ulong page in pages) builder.Reach(FirstTable + (root << 12), page);
        }

        if (random.OneIn(4)) builder.Bend(random.Between(1, 3), spareLevel: state.Mode == PagingMode.Pae ? 3 : 0);
        List<TlbStep> list = [];
        while (list.Count < steps)
        {
            if (random.OneIn(12)) AddChangeOfAPage(random, in state, builder, pages, list);
            else if (random.OneIn(16)) AddChangeOfRights(random, in state, pages, list);
            else list.Add(Step(random, in state, builder, pages));
        }

        return new TlbProgram(MmuChoice.Any(random), state, builder.Words, list);
    }

    public static IEnumerable<TlbProgram> Smaller(TlbProgram program)
    {
        foreach (IReadOnlyList<TlbStep> steps in Shrinking.Without(program.Steps)) yield return program with { Steps = steps };
        foreach (MmuChoice choice in program.Choice.Smaller()) yield return program with { Choice = choice };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Without(program.Words)) yield return program with { Words = words };
        foreach (PagingState state in RegisterChoice.Smaller(program.State)) yield return program with { State = state };
        foreach (IReadOnlyList<TlbStep> steps in Shrinking.Each(program.Steps, Simpler)) yield return program with { Steps = steps };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Each(program.Words, word => Shrinking.Bits(word.Value).Select(value => word with { Value = value })))
        {
            yield return program with { Words = words };
        }
    }

    private static IEnumerable<TlbStep> Simpler(TlbStep step)
    {
        switch (step)
        {
            case TlbStep.Batch batch:
                foreach (TlbStep.Batch smaller in BatchGenerator.Smaller(batch)) yield return smaller;
                break;
            case TlbStep.Again again:
                yield return again.Step;
                if (again.Times > 1) yield return again with { Times = again.Times / 2 };
                break;
            case TlbStep.Poke poke:
                foreach (ulong value in Shrinking.Bits(poke.Word.Value)) yield return new TlbStep.Poke(poke.Word with { Value = value });
                break;
            case TlbStep.Flip flip:
                foreach (ulong bits in Shrinking.Bits(flip.Bits)) yield return flip with { Bits = bits };
                break;
            default:
                break;
        }
    }

    // A few neighbours in two or three places, and in the same place 2 MiB further.
    private static List<ulong> Pages(EdgeRandom random, PagingMode mode)
    {
        bool longMode = mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        List<ulong> pages = [];
        for (int region = random.Between(1, 3); region > 0; region--)
        {
            ulong start = LinearGenerator.Page(random, mode) & ~0x3f_ffffUL;
            for (int page = random.Between(2, 5); page > 0; page--)
            {
                ulong linear = start + random.Pick<ulong>(0, 0, 0x20_0000) + (random.Pick<ulong>(0, 1, 2, 3, 511) << 12);
                pages.Add(longMode ? linear : (uint)linear);
            }
        }

        return pages;
    }

    private static ulong Table(EdgeRandom random, int level)
    {
        // Tables of one level mostly keep to themselves, so that most trees are trees.
        int index = random.OneIn(6) ? random.Below(Tables) : (3 * (level - 2)) + random.Below(3);
        return FirstTable + ((ulong)(Roots + index) << 12);
    }

    private static ulong Page(EdgeRandom random, int bits) => bits switch
    {
        12 => random.OneIn(24)
            ? random.Pick<ulong>(0x100_0000, 0x100_3000, 0x200_0000)
            : FirstData + ((ulong)random.Pick(random.Below(48), 0x200 + random.Below(8)) << 12),
        30 => random.Pick<ulong>(0x4000_0000, 0x8000_0000),
        22 => 0x40_0000,
        _ => random.Pick<ulong>(0x20_0000, 0x40_0000, 0x60_0000),
    };

    private static TlbStep Step(EdgeRandom random, in PagingState state, TableBuilder builder, List<ulong> pages)
    {
        int choice = random.Below(100);
        return choice switch
        {
            < 38 => new TlbStep.Touch(AnyAccess(random, in state, pages)),
            < 40 => new TlbStep.Look(AnyAccess(random, in state, pages)),
            < 56 => new TlbStep.Move((Transfer)random.Below(4), random.Among(pages) + random.Pick<ulong>(0, 8, 0x7f8, 0xff8, 0xff8, 0xffc)),
            < 62 => BatchGenerator.Batch(random, in state, pages),
            < 76 => new TlbStep.Poke(Edit(random, builder)),
            76 when random.OneIn(4) => new TlbStep.Again(
                random.OneIn(2) ? new TlbStep.Invlpg(random.Among(pages)) : new TlbStep.Write(Register.Cr3, Cr3(random, in state)),
                random.Pick(20, 600, 2100)),
            < 82 => new TlbStep.Invlpg(random.OneIn(12) ? random.Word() : random.Among(pages) + random.Pick<ulong>(0, 0, 0x123, 0x1f_f000)),
            < 85 => Invpcid(random, pages),
            < 89 => new TlbStep.Write(Register.Cr3, Cr3(random, in state)),
            < 92 => new TlbStep.Write(Register.Cpl, random.Pick<ulong>(0, 3)),
            < 94 => new TlbStep.Write(random.Pick(Register.Pkru, Register.Pkrs), RegisterChoice.KeyRights(random)),
            < 96 => new TlbStep.Flip(Register.RFlags, RFlags.AcBit),
            < 98 => new TlbStep.Flip(Register.Cr4, random.Pick(
                Cr4.PgeBit, Cr4.PgeBit, Cr4.SmepBit, Cr4.SmepBit, Cr4.SmapBit, Cr4.SmapBit, Cr4.PkeBit, Cr4.PksBit, Cr4.CetBit, Cr4.PseBit, Cr4.PaeBit,
                Cr4.PcideBit, Cr4.PcideBit, Cr4.LassBit, Cr4.LamSupBit, Cr4.La57Bit)),
            98 => new TlbStep.Flip(Register.Cr0, random.Pick(Cr0.WpBit, Cr0.WpBit, Cr0.WpBit, Cr0.PgBit)),
            _ => random.OneIn(2) ? new TlbStep.Flip(Register.Cr0, Cr0.WpBit) : new TlbStep.Flip(Register.Efer, Efer.NxeBit),
        };
    }

    private static ReferenceAccess AnyAccess(EdgeRandom random, in PagingState state, List<ulong> pages)
    {
        ReferenceAccess access = MachineGenerator.AnyAccess(random, in state, pages);
        return random.OneIn(8) ? access : access with { Linear = random.Among(pages) + LinearGenerator.Offset(random) };
    }

    // What kernels do all day, in an order that leaves nothing to chance: use a page, perhaps go elsewhere, change an entry on its path, invalidate
    // in one of the many ways, perhaps come back, and use it again as before.
    private static void AddChangeOfAPage(EdgeRandom random, in PagingState state, TableBuilder builder, List<ulong> pages, List<TlbStep> steps)
    {
        ulong page = random.Among(pages);
        ulong root = FirstTable + ((ulong)random.Below(Roots) << 12);
        ulong here = root, elsewhere = root;
        if (state.Cr4.Pcide)
        {
            const ulong keep = 1UL << 63;
            here |= random.Among(s_pcids) | keep;
            elsewhere |= random.Among(s_pcids) | keep;
        }

        TlbStep use = Use(random, in state, pages, page);
        List<int> path = builder.Path(root, page);
        int number = random.OneIn(3) ? random.Among(path) : path[^1];
        bool leaves = random.OneIn(2);
        steps.Add(new TlbStep.Write(Register.Cr3, here));
        steps.Add(use);
        if (leaves) steps.Add(new TlbStep.Write(Register.Cr3, elsewhere));
        steps.Add(new TlbStep.Poke(Edit(random, builder, number)));
        switch (random.Below(8))
        {
            case 0:
                steps.Add(new TlbStep.Invpcid((ulong)random.Below(4), here & 0xfff, page));
                break;
            case 1:
                steps.Add(new TlbStep.Write(Register.Cr3, (leaves ? elsewhere : here) & ~(1UL << 63)));
                break;
            case 2:
                steps.Add(new TlbStep.Flip(Register.Cr4, random.Pick(Cr4.PgeBit, Cr4.SmepBit, Cr4.PcideBit)));
                break;
            case 3:
                break;
            case 4 when random.OneIn(4):
                // As often as a number of eleven bits needs to come round.
                steps.Add(new TlbStep.Again(new TlbStep.Invlpg(page), random.Pick(2047, 2048)));
                break;
            default:
                // Any page of the program: what is dropped of tables is dropped for all of them.
                steps.Add(new TlbStep.Invlpg(random.Pick(page, page + 0x1f_f000, random.Among(pages))));
                break;
        }

        if (leaves) steps.Add(new TlbStep.Write(Register.Cr3, here));
        steps.Add(use);
        if (random.OneIn(2)) steps.Add(use);
    }

    // The same use before and after a register changed that rights depend on, and after it changed back.
    private static void AddChangeOfRights(EdgeRandom random, in PagingState state, List<ulong> pages, List<TlbStep> steps)
    {
        TlbStep use = Use(random, in state, pages, random.Among(pages));
        (TlbStep change, TlbStep back) = random.Below(5) switch
        {
            0 => Both(new TlbStep.Flip(Register.RFlags, RFlags.AcBit)),
            1 => Both(new TlbStep.Flip(Register.Cr0, Cr0.WpBit)),
            2 => Both(new TlbStep.Flip(Register.Cr4, random.Pick(Cr4.SmepBit, Cr4.SmapBit, Cr4.PkeBit, Cr4.PksBit, Cr4.CetBit))),
            3 => ((TlbStep)new TlbStep.Write(Register.Pkru, RegisterChoice.KeyRights(random)), (TlbStep)new TlbStep.Write(Register.Pkru, state.Pkru.Value)),
            _ => (new TlbStep.Write(Register.Pkrs, RegisterChoice.KeyRights(random)), new TlbStep.Write(Register.Pkrs, state.Pkrs.Value)),
        };
        steps.AddRange([use, change, use, back, use]);
    }

    private static (TlbStep Change, TlbStep Back) Both(TlbStep flip) => (flip, flip);

    private static TlbStep Use(EdgeRandom random, in PagingState state, List<ulong> pages, ulong page) => random.Below(3) switch
    {
        0 => new TlbStep.Batch(
            [.. Enumerable.Range(0, random.Pick(1, 20, 300)).Select(_ => random.Among(pages) + (ulong)random.Below(4096))],
            random.Pick(Access.Read, Access.Read, Access.Write, Access.Execute), random.Pick(Privilege.User, Privilege.Supervisor), InPlace: false),
        1 => new TlbStep.Move((Transfer)random.Below(4), page + random.Pick<ulong>(0, 0xff8)),
        _ => new TlbStep.Touch(AnyAccess(random, in state, pages) with { Linear = page }),
    };

    private static TableWord Edit(EdgeRandom random, TableBuilder builder) => Edit(random, builder, random.Below(builder.Words.Count));

    private static TableWord Edit(EdgeRandom random, TableBuilder builder, int number)
    {
        TableWord word = builder.Words[number];
        ulong value = random.Below(8) switch
        {
            0 => 0,
            1 => builder.Bent(number).Value,
            2 => word.Value,
            3 => word.Value ^ 2,
            4 => word.Value ^ 4,
            5 => word.Value & ~0x60UL,
            _ => builder.Entry(word.Level),
        };
        return word with { Value = word.Bytes == 4 ? (uint)value : value };
    }

    private static ulong Cr3(EdgeRandom random, in PagingState state)
    {
        ulong value = FirstTable + ((ulong)random.Below(Roots) << 12);
        if (!state.Efer.Lma) return value;
        if (state.Cr4.Pcide) value |= random.Among(s_pcids) | random.Bit(63, 2);
        if (state.Features.Lam) value |= random.Bit(61, 8) | random.Bit(62, 8);
        return value;
    }

    private static TlbStep.Invpcid Invpcid(EdgeRandom random, List<ulong> pages)
    {
        ulong type = random.OneIn(16) ? random.Word() : (ulong)random.Below(4);
        ulong context = random.OneIn(16) ? random.Word() : random.Among(s_pcids);
        return new TlbStep.Invpcid(type, context, random.OneIn(8) ? random.Word() : random.Among(pages) + random.Pick<ulong>(0, 0xfff));
    }
}
