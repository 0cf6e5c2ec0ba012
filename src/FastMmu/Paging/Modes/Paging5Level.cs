using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Modes;

/// <summary>Five-level paging: 57-bit linear addresses, pages of 4 KiB, 2 MiB and 1 GiB.</summary>
/// <remarks>
/// <code>
/// linear:  63    57 56      48 47      39 38      30 29      21 20      12 11      0
///         +--------+----------+----------+----------+----------+----------+---------+
///         |  sign  |   PML5   |   PML4   |   PDPT   |    PD    |    PT    | offset  |
///         +--------+----------+----------+----------+----------+----------+---------+
/// </code>
/// Source: Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging" (4.5), tables 4-14 to 4-20.
/// </remarks>
public readonly struct Paging5Level : IPagingMode
{
    /// <inheritdoc/>
    public static PagingMode Mode => PagingMode.FiveLevel;

    /// <inheritdoc/>
    public static int Levels => 5;

    /// <inheritdoc/>
    public static int TopTableLevel => 5;

    /// <inheritdoc/>
    public static int EntryBytes => 8;

    /// <inheritdoc/>
    public static int IndexBits => 9;

    /// <inheritdoc/>
    public static int LinearWidth => 57;

    /// <inheritdoc/>
    public static bool IsLongMode => true;

    /// <inheritdoc/>
    public static ulong FrameMask => EntryBits.Frame64;

    /// <inheritdoc/>
    public static PageSize LeafSize(int level) => LongModeBits.LeafSize(level);

    /// <inheritdoc/>
    public static ulong ReservedBits(in PagingState state, int level, bool largeLeaf) => LongModeBits.Reserved(in state, level, largeLeaf);

    /// <inheritdoc/>
    public static int LargeLeafLevels(in PagingState state) => LongModeBits.LargeLevels(in state);
}
