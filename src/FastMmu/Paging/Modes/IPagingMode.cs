using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Modes;

/// <summary>
/// A paging mode as a set of constants. Modes are struct type arguments, so the JIT compiles straight-line code for each of them
/// from one walker, one mapper and one set of entry readings.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Paging" (4.1 to 4.5).</remarks>
public interface IPagingMode
{
    /// <summary>Which mode this is.</summary>
    static abstract PagingMode Mode { get; }

    /// <summary>The level of the root: 2, 3 (PAE, whose level 3 are the PDPTE registers), 4 or 5.</summary>
    static abstract int Levels { get; }

    /// <summary>The highest level whose tables are read by every walk; below <see cref="Levels"/> only in PAE.</summary>
    static abstract int TopTableLevel { get; }

    /// <summary>Bytes of an entry: 4 or 8.</summary>
    static abstract int EntryBytes { get; }

    /// <summary>Linear-address bits that index a table: 10 or 9.</summary>
    static abstract int IndexBits { get; }

    /// <summary>Width of a linear address in bits: 32, 48 or 57.</summary>
    static abstract int LinearWidth { get; }

    /// <summary>Whether the linear addresses of the mode are 64-bit numbers that must be canonical.</summary>
    static abstract bool IsLongMode { get; }

    /// <summary>The bits of an entry that hold the address of a table or of a 4-KiB frame.</summary>
    static abstract ulong FrameMask { get; }

    /// <summary>The page that an entry with PS=1 maps at <paramref name="level"/>, if the processor has it; else <see cref="PageSize.None"/>.</summary>
    /// <param name="level">Paging level, 1 to 5; level 1 answers 4 KiB.</param>
    static abstract PageSize LeafSize(int level);

    /// <summary>The reserved bits of a present entry.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="level">Paging level of the entry.</param>
    /// <param name="largeLeaf">Whether the entry maps a large page.</param>
    static abstract ulong ReservedBits(in PagingState state, int level, bool largeLeaf);

    /// <summary>A set of levels, bit n for level n, at which PS=1 makes an entry a leaf. Elsewhere PS is ignored or reserved.</summary>
    /// <param name="state">Registers and features.</param>
    static abstract int LargeLeafLevels(in PagingState state);
}
