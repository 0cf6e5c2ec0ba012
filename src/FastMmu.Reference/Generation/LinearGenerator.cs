using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>Linear addresses: near the ends of pages, tables and address spaces.</summary>
internal static class LinearGenerator
{
    /// <summary>The first address of some page, canonical in the mode.</summary>
    public static ulong Page(EdgeRandom random, PagingMode mode)
    {
        if (mode is not (PagingMode.FourLevel or PagingMode.FiveLevel))
        {
            ulong top = random.Pick<ulong>(0, 0, 1, 0x1ff, 0x200, 0x3fe, 0x3ff, (ulong)random.Below(0x400));
            return (uint)((top << 22) | (random.Pick<ulong>(0, 0, 1, 2, 0x1ff, 0x200, 0x3ff, (ulong)random.Below(0x400)) << 12));
        }

        int levels = mode == PagingMode.FiveLevel ? 5 : 4;
        ulong linear = 0;
        for (int level = levels; level > 0; level--)
        {
            ulong index = random.Pick<ulong>(0, 0, 0, 1, 2, 0xff, 0x100, 0x1fe, 0x1ff, 0x1ff, (ulong)random.Below(512));
            linear |= index << (12 + ((level - 1) * 9));
        }

        return SignExtend(linear, mode);
    }

    /// <summary>An address for an access: mostly in, or next to, one of the given pages.</summary>
    public static ulong Near(EdgeRandom random, in PagingState state, IReadOnlyList<ulong> pages)
    {
        bool longMode = state.Efer.Lma;
        ulong linear = random.Below(16) switch
        {
            0 => Page(random, state.Mode),
            1 => random.Word(),
            2 => random.Among(pages) + random.Pick<ulong>(0x1000, 0x20_0000, 0x40_0000, 0x4000_0000),
            3 => random.Among(pages) - random.Pick<ulong>(1, 0x1000, 0x20_0000),
            _ => random.Among(pages),
        };
        linear += Offset(random);
        if (!longMode) return random.OneIn(8) ? linear | (random.Next64() << 32) : (uint)linear;
        // Tags where LAM has them, and addresses one bit beside a canonical one.
        if ((state.Cr4.LamSup || state.Cr3.LamU48 || state.Cr3.LamU57) && random.OneIn(3)) linear ^= random.Some(0x7fffUL << 48);
        if (random.OneIn(32)) linear ^= 1UL << random.Between(46, 63);
        return linear;
    }

    public static ulong Offset(EdgeRandom random) => random.Pick<ulong>(0, 0, 1, 7, 0x7f8, 0xff8, 0xffc, 0xffe, 0xfff, (ulong)random.Below(4096));

    public static ulong SignExtend(ulong linear, PagingMode mode)
    {
        int unused = mode == PagingMode.FiveLevel ? 7 : 16;
        return (ulong)((long)(linear << unused) >> unused);
    }
}
