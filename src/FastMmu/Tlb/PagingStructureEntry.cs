namespace FastMmu.Tlb;

/// <summary>Where a walk may begin instead of at the root: a table, and what the entries above it allow.</summary>
/// <param name="Linear">The first linear address that the table translates.</param>
/// <param name="Pcid">The PCID it was made under.</param>
/// <param name="Table">Physical address of the table.</param>
/// <param name="Level">The table's level: 1 for a page table to 4 for a PML4 table.</param>
/// <param name="PathRights">What the entries above the table allow together: bit 0 W and bit 1 U ANDed, bit 2 XD ORed.</param>
public readonly record struct PagingStructureEntry(ulong Linear, int Pcid, ulong Table, int Level, int PathRights)
{
    /// <summary><c>level 1 table at 0x5000 for 0x7f0000000000, pcid 3, path rights 3</c>.</summary>
    public override string ToString() => $"level {Level} table at 0x{Table:x} for 0x{Linear:x}, pcid {Pcid}, path rights {PathRights}";
}
