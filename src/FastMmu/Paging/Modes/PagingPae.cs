using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Modes;

/// <summary>PAE paging: 32-bit linear addresses, 8-byte entries, four PDPTE registers instead of a root table.</summary>
/// <remarks>
/// <code>
/// linear:  31   30 29      21 20      12 11      0
///         +-------+----------+----------+---------+
///         | PDPTE | PD index | PT index | offset  |
///         +-------+----------+----------+---------+
/// PDPTE: bits 2:1, 8:5 and 63:MAXPHYADDR are reserved; it has no rights and no accessed bit.
/// </code>
/// Source: Intel SDM vol. 3A, "PAE Paging" (4.4), tables 4-8 to 4-11.
/// </remarks>
public readonly struct PagingPae : IPagingMode
{
    /// <inheritdoc/>
    public static PagingMode Mode => PagingMode.Pae;

    /// <inheritdoc/>
    public static int Levels => 3;

    /// <inheritdoc/>
    public static int TopTableLevel => 2;

    /// <inheritdoc/>
    public static int EntryBytes => 8;

    /// <inheritdoc/>
    public static int IndexBits => 9;

    /// <inheritdoc/>
    public static int LinearWidth => 32;

    /// <inheritdoc/>
    public static bool IsLongMode => false;

    /// <inheritdoc/>
    public static ulong FrameMask => EntryBits.Frame64;

    /// <inheritdoc/>
    public static PageSize LeafSize(int level) => level switch { 1 => PageSize.Size4K, 2 => PageSize.Size2M, _ => PageSize.None };

    /// <inheritdoc/>
    public static ulong ReservedBits(in PagingState state, int level, bool largeLeaf)
    {
        int width = state.Features.PhysicalAddressBits;
        if (level == 3) return EntryBits.Range(63, width) | EntryBits.Range(8, 5) | EntryBits.Range(2, 1);
        ulong reserved = EntryBits.Range(62, width);
        if (!state.Efer.Nxe) reserved |= EntryBits.ExecuteDisable;
        if (largeLeaf) reserved |= EntryBits.Range(20, 13);
        return reserved;
    }

    /// <inheritdoc/>
    public static int LargeLeafLevels(in PagingState state) => 1 << 2;
}
