using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// The formats of paging-structure entries, per mode and level, with every bit position restated.
/// </summary>
/// <remarks>
/// <code>
///                63  62:59  58:52  51:M  M-1:12        8    7       6   5   4    3    2    1    0
/// leaf           XD  key    -      res   frame (PAT 12) G   PS/PAT  D   A   PCD  PWT  U/S  R/W  P
/// table above    XD  -      -      res   next table     -   0       -   A   PCD  PWT  U/S  R/W  P
/// PAE PDPTE      res res    res    res   next table     res res     res res PCD  PWT  res  res  P
/// </code>
/// M is MAXPHYADDR. A page-table entry has PAT in bit 7; a large page has PS=1 there and PAT in bit 12.
/// Source: Intel SDM vol. 3A, tables 4-4 to 4-20.
/// </remarks>
internal static class EntryRules
{
    /// <summary>Bytes of an entry: 4 in 32-bit paging, 8 elsewhere.</summary>
    internal static int Bytes(ReferenceMode mode) => mode == ReferenceMode.TwoLevel ? 4 : 8;

    /// <summary>
    /// The lowest linear-address bit that selects an entry at <paramref name="level"/>; at the same time the base-two logarithm of the
    /// region that one such entry translates.
    /// </summary>
    internal static int LowestIndexBit(ReferenceMode mode, int level) => (mode, level) switch
    {
        (ReferenceMode.TwoLevel, 2) => 22, // 31:22 selects a PDE
        (_, 1) => 12,                      // 21:12 or 20:12 selects a PTE
        (_, 2) => 21,                      // 29:21 selects a PDE
        (_, 3) => 30,                      // 31:30 (PAE) or 38:30 selects a PDPTE
        (_, 4) => 39,                      // 47:39 selects a PML4E
        _ => 48,                           // 56:48 selects a PML5E
    };

    /// <summary>Physical address of the entry at <paramref name="level"/> of <paramref name="table"/> that <paramref name="linear"/> selects.</summary>
    internal static ulong Address(ReferenceMode mode, int level, ulong table, ulong linear)
    {
        int low = LowestIndexBit(mode, level);
        int width = mode == ReferenceMode.TwoLevel ? 10 : mode == ReferenceMode.Pae && level == 3 ? 2 : 9;
        return table + (ulong)Bytes(mode) * Bits.Field(linear, low + width - 1, low);
    }

    /// <summary>P, bit 0.</summary>
    internal static bool IsPresent(ulong entry) => Bits.IsSet(entry, 0);

    /// <summary>Whether a present entry without reserved bits maps a page, and does not refer to a table.</summary>
    internal static bool IsLeaf(Controls controls, int level, ulong entry) => level switch
    {
        1 => true,
        // PS, bit 7, of a 32-bit PDE is ignored while CR4.PSE=0; CR4.PSE means nothing in the other modes.
        2 => Bits.IsSet(entry, 7) && (controls.Mode != ReferenceMode.TwoLevel || controls.PageSizeExtensions),
        // Bit 7 of a PAE PDPTE is reserved; of a long-mode PDPTE it is PS.
        3 => Bits.IsSet(entry, 7) && controls.IsLongMode,
        // Bit 7 of PML4E and PML5E is reserved.
        _ => false,
    };

    /// <summary>The bits of a present <paramref name="entry"/> that must be 0.</summary>
    internal static ulong Reserved(Controls controls, int level, ulong entry) => controls.Mode switch
    {
        ReferenceMode.TwoLevel => ReservedIn32BitPaging(controls, level, entry),
        ReferenceMode.Pae => ReservedInPaePaging(controls, level, entry),
        _ => ReservedInLongMode(controls, level, entry),
    };

    /// <summary>The physical address in an entry that refers to a table: bits 31:12, or M-1:12 (bits 51:M were found clear).</summary>
    internal static ulong NextTable(ReferenceMode mode, ulong entry) => entry & (mode == ReferenceMode.TwoLevel ? Bits.Range(31, 12) : Bits.Range(51, 12));

    /// <summary>The physical address of the page that a leaf at <paramref name="level"/> maps.</summary>
    internal static ulong Frame(Controls controls, int level, ulong entry)
    {
        int low = LowestIndexBit(controls.Mode, level);
        if (controls.Mode != ReferenceMode.TwoLevel) return entry & Bits.Range(51, low);
        ulong frame = entry & Bits.Range(31, low);

        // Table 4-4: a 4-MByte page has address bits 39:32 in bits 20:13, as many of them as are not reserved.
        if (level == 2 && controls.Features.Pse36) frame |= Bits.Field(entry, 20, 13) << 32;
        return frame;
    }

    /// <summary>PAT·4 + PCD·2 + PWT: PAT is bit 7 of a page-table entry and bit 12 of a large leaf, PCD bit 4, PWT bit 3 (4.9.2).</summary>
    internal static int PatIndex(int level, ulong entry)
    {
        bool pat = Bits.IsSet(entry, level == 1 ? 7 : 12);
        return (pat ? 4 : 0) + (Bits.IsSet(entry, 4) ? 2 : 0) + (Bits.IsSet(entry, 3) ? 1 : 0);
    }

    /// <summary>Whether the entry has R/W (bit 1), U/S (bit 2), XD (bit 63) and A (bit 5): all but the PDPTEs of PAE paging.</summary>
    internal static bool CarriesRights(ReferenceMode mode, int level) => mode != ReferenceMode.Pae || level != 3;

    private static ulong ReservedIn32BitPaging(Controls controls, int level, ulong entry)
    {
        // Tables 4-5 and 4-6: nothing is reserved in entries for page tables and 4-KByte pages.
        if (!IsLeaf(controls, level, entry) || level == 1) return 0;

        // Table 4-4: without PSE-36, bits 21:13. With it M = min(40, MAXPHYADDR), and bits 21:(M-19) are left over.
        if (!controls.Features.Pse36) return Bits.Range(21, 13);
        int m = Math.Min(40, controls.PhysicalWidth);
        return Bits.Range(21, m - 19);
    }

    private static ulong ReservedInPaePaging(Controls controls, int level, ulong entry)
    {
        // Table 4-8: bits 2:1, 8:5 and 63:M of a PDPTE.
        if (level == 3) return ReferencePdptes.Reserved(controls.PhysicalWidth);

        // Tables 4-9 to 4-11: bits 62:M; bit 63 unless NXE=1; bits 20:13 of a 2-MByte page.
        ulong reserved = Bits.Range(62, controls.PhysicalWidth);
        if (!controls.ExecuteDisable) reserved |= 1UL << 63;
        if (level == 2 && IsLeaf(controls, level, entry)) reserved |= Bits.Range(20, 13);
        return reserved;
    }

    private static ulong ReservedInLongMode(Controls controls, int level, ulong entry)
    {
        // Tables 4-14 to 4-20: bits 51:M; bit 63 unless NXE=1. Bits 62:52 are ignored or hold the protection key.
        ulong reserved = Bits.Range(51, controls.PhysicalWidth);
        if (!controls.ExecuteDisable) reserved |= 1UL << 63;

        bool leaf = IsLeaf(controls, level, entry);
        if (level >= 4) reserved |= 1UL << 7;                                                     // no pages this large
        if (level == 3 && leaf) reserved |= controls.Features.OneGigabytePages ? Bits.Range(29, 13) : 1UL << 7;
        if (level == 2 && leaf) reserved |= Bits.Range(20, 13);

        // Bit 8 of entries above the leaf: ignored by Intel, must be zero by AMD's manual (vol. 2, 5.3.3), how far differs.
        bool amdAboveLeaf = level >= 4 && controls.Features.NonLeafBit8 != NonLeafBit8.Ignored;
        bool amdPdpt = level == 3 && !leaf && controls.Features.NonLeafBit8 == NonLeafBit8.ReservedInPml4AndPdpt;
        if (amdAboveLeaf || amdPdpt) reserved |= 1UL << 8;
        return reserved;
    }
}
