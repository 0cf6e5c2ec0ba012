using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Modes;

/// <summary>32-bit two-level paging: 4-KiB pages, and 4-MiB pages with CR4.PSE=1.</summary>
/// <remarks>
/// <code>
/// linear:  31      22 21      12 11      0        PDE, 4 MiB:  31..22   21   20 .. 13  12  8 7 …
///         +----------+----------+---------+                   +--------+----+---------+---+-+-+
///         | PD index | PT index | offset  |                   | 31:22  | 0  |  39:32  |PAT|G|1|
///         +----------+----------+---------+                   +--------+----+---------+---+-+-+
/// </code>
/// Source: Intel SDM vol. 3A, "32-Bit Paging" (4.3), table 4-4 for PSE-36.
/// </remarks>
public readonly struct Paging2Level : IPagingMode
{
    /// <inheritdoc/>
    public static PagingMode Mode => PagingMode.TwoLevel;

    /// <inheritdoc/>
    public static int Levels => 2;

    /// <inheritdoc/>
    public static int TopTableLevel => 2;

    /// <inheritdoc/>
    public static int EntryBytes => 4;

    /// <inheritdoc/>
    public static int IndexBits => 10;

    /// <inheritdoc/>
    public static int LinearWidth => 32;

    /// <inheritdoc/>
    public static bool IsLongMode => false;

    /// <inheritdoc/>
    public static ulong FrameMask => EntryBits.Frame32;

    /// <inheritdoc/>
    public static PageSize LeafSize(int level) => level switch { 1 => PageSize.Size4K, 2 => PageSize.Size4M, _ => PageSize.None };

    /// <inheritdoc/>
    public static ulong ReservedBits(in PagingState state, int level, bool largeLeaf)
    {
        // Entries for tables and 4-KiB pages have no reserved bit at all in this mode.
        if (!largeLeaf) return 0;
        if (!state.Features.Pse36) return EntryBits.Range(21, 13);
        int width = Math.Min(40, state.Features.PhysicalAddressBits);
        return EntryBits.Range(21, width - 19);
    }

    /// <inheritdoc/>
    public static int LargeLeafLevels(in PagingState state) => state.Cr4.Pse ? 1 << 2 : 0;

    /// <summary>The frame of a 4-MiB page: address bits 31:22 stand in place, bits 39:32 in entry bits 20:13.</summary>
    /// <param name="entry">A page-directory entry with PS=1 whose reserved bits are clear.</param>
    public static ulong LargeFrame(ulong entry) => (entry & 0xffc0_0000) | ((entry & 0x001f_e000) << 19);
}
