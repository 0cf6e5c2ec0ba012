using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Pages;

/// <summary>An entry of two-level tables, of 4 bytes.</summary>
/// <remarks>
/// <code>
///  31                       12 11 10  9   8   7   6   5   4   3   2    1    0
/// +---------------------------+--+---+---+---+---+---+---+---+---+----+----+---+
/// |        frame number       |sd|SvD|spc|PrN|   | D | A |   |   | US | RW | P |
/// +---------------------------+--+---+---+---+---+---+---+---+---+----+----+---+
///
///  31                             9  8  7 6  5     1  0
/// +--------------------------------+--+----+--------+--+
/// |             offset             | 0|    |  type  | 0|     nothing present: a swap entry, or a marker
/// +--------------------------------+--+----+--------+--+
/// </code>
/// There is no NX: what is readable can be executed, whatever the area says. Bits of the frame are not inverted for PROT_NONE, since no
/// address is too high for a page to be there. Source: arch/x86/include/asm/pgtable_types.h and pgtable-2level.h of Linux 6.18.
/// </remarks>
internal readonly struct Entry32 : IPageEntry<Entry32>
{
    private const uint SavedDirty = 1u << EntryPae.SavedDirtyBit;
    private const uint Frame = 0xffff_f000;
    private const uint Kept = ~SavedDirty;

    private readonly uint _bits;

    private Entry32(uint bits) => _bits = bits;

    public static int IndexBits => 10;

    public static ulong Supported => ~(Pte.KeyMask | Pte.NoExecute);

    public static bool TopIsCached => false;

    public static bool InGuestMemory => true;

    public ulong Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (!Pte.IsPresent(_bits))
            {
                return _bits == 0 ? 0 : Pte.Marker((_bits >> 1) & 31, _bits >> 9);
            }

            ulong entry = (_bits & Kept) | ((_bits & SavedDirty) != 0 ? Pte.SavedDirty : 0);
            return (_bits & Pte.Present) != 0 ? entry : entry ^ Pte.FrameMask;
        }
    }

    public bool IsEmpty => _bits == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Entry32 Of(ulong entry)
    {
        if (!Pte.IsPresent(entry))
        {
            return entry == 0 ? default : new((uint)((Pte.MarkerType(entry) << 1) | (Pte.MarkerOffset(entry) << 9)));
        }

        uint bits = ((uint)entry & Kept) | ((entry & Pte.SavedDirty) != 0 ? SavedDirty : 0);
        return new((entry & Pte.Present) != 0 ? bits : bits ^ Frame);
    }

    public static Entry32 OfTable(ulong table, int shift) => new((uint)((table << 12) | Pte.Table));
}
