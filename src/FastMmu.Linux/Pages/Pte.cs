using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Pages;

/// <summary>A page-table entry as the kernel writes it: what the processor reads, and in the bits that it ignores what the kernel keeps there.</summary>
/// <remarks>
/// <code>
///  63 62    59 58  57 52 51                       12 11 10  9   8   7   6   5   4   3   2    1    0
/// +--+--------+---+-----+---------------------------+--+--+---+---+---+---+---+---+---+----+----+---+
/// |NX|  key   |SvD|     |        frame number       |sd|uf|spc|PrN|   | D | A |   |   | US | RW | P |
/// +--+--------+---+-----+---------------------------+--+--+---+---+---+---+---+---+---+----+----+---+
///   SvD  dirty, of an entry that may not be written (a processor with shadow stacks takes RW=0, D=1 for one of theirs)
///   spc  special: a frame that is nobody's page (the zero page, device memory)
///   PrN  with P=0: PROT_NONE. The page is there, the processor must not see it, and the bits of the frame are inverted (L1TF)
///
///  63   59 58                         9  8  7       2  1  0
/// +-------+----------------------------+--+----------+--+--+
/// | type  |      offset, inverted      | 0|          |  | 0|     nothing present: a swap entry, or a marker
/// +-------+----------------------------+--+----------+--+--+
/// </code>
/// So they stand in tables of four and five levels; <see cref="EntryPae"/> and <see cref="Entry32"/> say how other tables store them.
/// Source: arch/x86/include/asm/pgtable_types.h, pgtable_64.h, pgtable-invert.h; include/linux/swapops.h of Linux 6.18.
/// </remarks>
internal static class Pte
{
    internal const ulong Present = 1UL << 0;
    internal const ulong Write = 1UL << 1;
    internal const ulong User = 1UL << 2;
    internal const ulong Accessed = 1UL << 5;
    internal const ulong Dirty = 1UL << 6;
    internal const ulong ProtNone = 1UL << 8;
    internal const ulong Special = 1UL << 9;
    internal const ulong SoftDirty = 1UL << 11;
    internal const ulong SavedDirty = 1UL << 58;
    internal const ulong NoExecute = 1UL << 63;
    internal const ulong FrameMask = 0x000f_ffff_ffff_f000;
    internal const ulong KeyMask = 0xFUL << 59;
    internal const int KeyShift = 59;

    /// <summary>What a table's own entry says: everything is allowed, the leaf decides.</summary>
    internal const ulong Table = Present | Write | User | Accessed | Dirty;

    /// <summary>The marker of a guard region: the highest swap type, whose offset says which marker.</summary>
    internal const ulong Guard = (31UL << 59) | (~4UL << 14 >> 5);

    /// <summary>An entry of a swap type and an offset.</summary>
    internal static ulong Marker(ulong type, ulong offset) => (type << 59) | (~offset << 14 >> 5);

    /// <summary>The swap type of an entry that is not present.</summary>
    internal static ulong MarkerType(ulong entry) => entry >> 59;

    /// <summary>The offset of an entry that is not present.</summary>
    internal static ulong MarkerOffset(ulong entry) => ~entry << 5 >> 14;

    // What mprotect keeps of an entry; all else comes from the new protection.
    private const ulong Kept = FrameMask | Special | Accessed | Dirty | SavedDirty | SoftDirty | (3UL << 3);

    /// <summary>Whether there is a page, seen by the processor or not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsPresent(ulong entry) => (entry & (Present | ProtNone)) != 0;

    /// <summary>The frame of a present entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Frame(ulong entry) => (((entry & Present) != 0 ? entry : ~entry) & FrameMask) >> 12;

    /// <summary>An entry for a frame.</summary>
    internal static ulong Make(ulong frame, ulong protection) =>
        (((protection & Present) != 0 ? frame << 12 : ~(frame << 12)) & FrameMask) | protection;

    /// <summary>Whether it was written through, whoever keeps the bit.</summary>
    internal static bool IsDirty(ulong entry) => (entry & (Dirty | SavedDirty)) != 0;

    /// <summary>The entry, written through.</summary>
    internal static ulong MakeDirty(ulong entry) => Settle(entry | Dirty);

    /// <summary>The entry, not written through.</summary>
    internal static ulong MakeClean(ulong entry) => entry & ~(Dirty | SavedDirty);

    /// <summary>The entry, writable.</summary>
    internal static ulong MakeWritable(ulong entry) => Settle(entry | Write);

    /// <summary>The entry, read-only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong WriteProtect(ulong entry)
    {
        ulong dirty = (entry >> 6) & 1;
        return (entry & ~(Write | Dirty)) | (dirty << 58);
    }

    /// <summary>The entry with another protection: the frame and what was noted of its use stay (pte_modify).</summary>
    internal static ulong Modify(ulong entry, ulong protection)
    {
        ulong kept = entry & Kept;
        if (((entry ^ protection) & Present) != 0)
        {
            kept ^= FrameMask;
        }

        return Settle(kept | protection);
    }

    // Dirty lives in the processor's bit where the entry may be written, in the kernel's where it may not.
    private static ulong Settle(ulong entry)
    {
        if ((entry & (Dirty | SavedDirty)) == 0)
        {
            return entry;
        }

        entry &= ~(Dirty | SavedDirty);
        return entry | ((entry & Write) != 0 ? Dirty : SavedDirty);
    }
}
