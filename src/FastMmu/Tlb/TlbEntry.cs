using System.Runtime.InteropServices;
using FastMmu.Addresses;

namespace FastMmu.Tlb;

/// <summary>One cached translation, in 16 bytes: a page, where it is, and what its path allows.</summary>
/// <remarks>
/// <code>
///          63  60 59    58   57 56    52 51                                12 11  10   8 7    4 3      0
///         +------+-----+-----+-+--------+------------------------------------+---+------+------+--------+
/// word 0  | 0    |dirty|glob.|0| shift  | physical frame, bits 51:12         | V | PAT  | key  | rights |
///         +------+-----+-----+-+--------+------------------------------------+---+------+------+--------+
///         +-----------------------------------------------------------------+---------------------------+
/// word 1  | linear page, bits 63:12 (low bits of large pages are zero)      | PCID, bits 11:0           |
///         +-----------------------------------------------------------------+---------------------------+
/// </code>
/// shift: log2 of the page size; V: the entry holds something (a <c>default</c> entry does not); rights: bit 0 W, bit 1 U, bit 2 XD,
/// bit 3 shadow-stack page, accumulated along the whole path.
/// Source: Intel SDM vol. 3A, "Details of TLB Use" (4.10.2.2).
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly struct TlbEntry : IEquatable<TlbEntry>
{
    private const ulong FrameMask = 0x000f_ffff_ffff_f000;
    private const ulong ValidBit = 1UL << 11;
    private const int ShiftPosition = 52;
    private const ulong GlobalBit = 1UL << 58;
    private const ulong DirtyBit = 1UL << 59;
    private const ulong PcidMask = 0xfff;

    private readonly ulong _frame;
    private readonly ulong _page;

    /// <summary>Describes a translation.</summary>
    /// <param name="linear">Any linear address in the page.</param>
    /// <param name="physical">Physical address of the page's first byte, at most 52 bits; bits below the page size are ignored.</param>
    /// <param name="size">The page's size.</param>
    /// <param name="pcid">The process-context identifier it was made under, 0 to 4095; bits above are ignored.</param>
    /// <param name="pathRights">Bit 0 W, bit 1 U, bit 2 XD, bit 3 shadow-stack page.</param>
    /// <param name="protectionKey">The leaf's protection key, 0 to 15.</param>
    /// <param name="patIndex">PAT·4 + PCD·2 + PWT of the leaf, 0 to 7.</param>
    /// <param name="global">Whether it answers under every PCID: G=1 in the leaf with CR4.PGE=1.</param>
    /// <param name="dirty">Whether the leaf's dirty bit was set when this was made.</param>
    /// <remarks>A size that is none of the four leaves an entry that no cache accepts; the other arguments are truncated to their fields.</remarks>
    public TlbEntry(
        ulong linear,
        ulong physical,
        PageSize size,
        int pcid,
        int pathRights,
        int protectionKey = 0,
        int patIndex = 0,
        bool global = false,
        bool dirty = false)
    {
        ulong offsetMask = size.Bytes() - 1;
        _frame = (physical & FrameMask & ~offsetMask)
            | ((ulong)size << ShiftPosition)
            | (global ? GlobalBit : 0)
            | (dirty ? DirtyBit : 0)
            | ValidBit
            | ((ulong)(uint)(patIndex & 7) << 8)
            | ((ulong)(uint)(protectionKey & 15) << 4)
            | (uint)(pathRights & 15);
        _page = (linear & ~offsetMask & ~PcidMask) | ((uint)pcid & PcidMask);
    }

    /// <summary>Whether this is a translation; false for a <c>default</c> entry.</summary>
    public bool Valid => (_frame & ValidBit) != 0;

    /// <summary>The page's size.</summary>
    public PageSize Size => (PageSize)((_frame >> ShiftPosition) & 31);

    /// <summary>The first linear address of the page.</summary>
    public ulong Linear => _page & ~PcidMask;

    /// <summary>The linear page number: <see cref="Linear"/> divided by the page size.</summary>
    public ulong VirtualPageNumber => _page >> Size.Shift();

    /// <summary>Physical address of the page's first byte.</summary>
    public ulong Physical => _frame & FrameMask;

    /// <summary>The process-context identifier that the translation was made under.</summary>
    public ushort Pcid => (ushort)(_page & PcidMask);

    /// <summary>What the whole path allows: bit 0 W, bit 1 U, bit 2 XD, bit 3 shadow-stack page.</summary>
    public byte PathRights => (byte)(_frame & 15);

    /// <summary>The leaf's protection key, 0 to 15.</summary>
    public byte ProtectionKey => (byte)((_frame >> 4) & 15);

    /// <summary>PAT·4 + PCD·2 + PWT of the leaf, 0 to 7.</summary>
    public byte PatIndex => (byte)((_frame >> 8) & 7);

    /// <summary>Whether the translation answers under every PCID and survives the invalidations that spare globals.</summary>
    public bool Global => (_frame & GlobalBit) != 0;

    /// <summary>Whether the leaf's dirty bit was set. A write through an entry without it has to walk again.</summary>
    public bool Dirty => (_frame & DirtyBit) != 0;

    /// <summary>Where a linear address of this page is in physical memory.</summary>
    /// <param name="linear">An address in the page; only its offset counts.</param>
    /// <example><code>
    /// var entry = new TlbEntry(linear: 0x40_0000, physical: 0x80_0000, PageSize.Size2M, pcid: 0, PathRights.Write | PathRights.User);
    /// Console.WriteLine(entry.PhysicalOf(0x41_2345).ToString("x"));       // 812345
    /// </code></example>
    public ulong PhysicalOf(ulong linear) => Physical | (linear & (Size.Bytes() - 1));

    /// <summary>Whether a linear address lies in the page.</summary>
    /// <param name="linear">The address.</param>
    /// <example><code>
    /// var entry = new TlbEntry(linear: 0x40_0000, physical: 0x80_0000, PageSize.Size2M, pcid: 0, PathRights.User);
    /// Console.WriteLine(entry.Contains(0x5f_ffff));       // True
    /// </code></example>
    public bool Contains(ulong linear) => (linear ^ Linear) >> Size.Shift() == 0;

    /// <summary>Whether the pages of two entries share an address: for pages, whether one contains the other.</summary>
    /// <param name="other">The other entry.</param>
    /// <example><code>
    /// var large = new TlbEntry(linear: 0x40_0000, physical: 0x80_0000, PageSize.Size2M, pcid: 0, PathRights.User);
    /// var small = new TlbEntry(linear: 0x41_2000, physical: 0x1000, PageSize.Size4K, pcid: 0, PathRights.User);
    /// Console.WriteLine(small.Overlaps(large));       // True
    /// </code></example>
    public bool Overlaps(TlbEntry other) => Contains(other.Linear) || other.Contains(Linear);

    /// <summary>Whether every field is the same.</summary>
    /// <param name="other">The other entry.</param>
    public bool Equals(TlbEntry other) => _frame == other._frame && _page == other._page;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TlbEntry other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_frame, _page);

    /// <summary>Whether every field is the same.</summary>
    /// <param name="left">One entry.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(TlbEntry left, TlbEntry right) => left.Equals(right);

    /// <summary>Whether any field differs.</summary>
    /// <param name="left">One entry.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(TlbEntry left, TlbEntry right) => !left.Equals(right);

    /// <summary><c>0x7f0000001000 → 0x201000 4 KiB pcid 3 W U XD dirty</c>.</summary>
    public override string ToString()
    {
        if (!Valid) return "empty";
        string rights = string.Concat(
            (PathRights & 1) != 0 ? " W" : "",
            (PathRights & 2) != 0 ? " U" : "",
            (PathRights & 4) != 0 ? " XD" : "",
            (PathRights & 8) != 0 ? " SS" : "");
        string context = Global ? "global" : $"pcid {Pcid}";
        return $"0x{Linear:x} → 0x{Physical:x} {Size.Name()} {context}{rights}{(Dirty ? " dirty" : "")}";
    }
}
