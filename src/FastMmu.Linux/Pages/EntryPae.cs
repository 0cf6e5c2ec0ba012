using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Pages;

/// <summary>An entry of PAE tables, of 8 bytes.</summary>
/// <remarks>
/// <code>
///  63 62      52 51                       12 11 10  9   8   7   6   5   4   3   2    1    0
/// +--+----------+---------------------------+--+---+---+---+---+---+---+---+---+----+----+---+
/// |NX| reserved |        frame number       |sd|SvD|spc|PrN|   | D | A |   |   | US | RW | P |
/// +--+----------+---------------------------+--+---+---+---+---+---+---+---+---+----+----+---+
/// </code>
/// As with four levels, except that the processor refuses bits 62 to 52, so that there are no keys and the kernel's dirty bit is where 64-bit
/// kernels have that of userfaultfd. Entries of the top table have no rights, and are read when CR3 is written.
/// Source: arch/x86/include/asm/pgtable_types.h and pgtable-3level.h of Linux 6.18; Intel SDM vol. 3A, "PAE Paging" (4.4).
/// </remarks>
internal readonly struct EntryPae : IPageEntry<EntryPae>
{
    internal const int SavedDirtyBit = 10;
    private const int TopShift = 30;
    private const int DistanceOfSavedDirty = 58 - SavedDirtyBit;

    private readonly ulong _bits;

    private EntryPae(ulong bits) => _bits = bits;

    public static int IndexBits => 9;

    public static ulong Supported => ~Pte.KeyMask;

    public static bool TopIsCached => true;

    public static bool InGuestMemory => true;

    public ulong Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Pte.IsPresent(_bits) ? (_bits & ~(1UL << SavedDirtyBit)) | ((_bits & (1UL << SavedDirtyBit)) << DistanceOfSavedDirty) : _bits;
    }

    public bool IsEmpty => _bits == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EntryPae Of(ulong entry) =>
        new(Pte.IsPresent(entry) ? (entry & ~Pte.SavedDirty) | ((entry & Pte.SavedDirty) >> DistanceOfSavedDirty) : entry);

    public static EntryPae OfTable(ulong table, int shift) => new((table << 12) | (shift == TopShift ? Pte.Present : Pte.Table));
}
