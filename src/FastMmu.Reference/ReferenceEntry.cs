namespace FastMmu.Reference;

/// <summary>A paging-structure entry that a walk read from memory.</summary>
/// <param name="Level">1 (page table) to 5 (PML5); in PAE paging 3 is the page-directory-pointer table, in two-level paging 2 the directory.</param>
/// <param name="Address">Physical address of the entry in bytes.</param>
/// <param name="Bytes">Its width: 4 in two-level paging, else 8.</param>
/// <param name="Before">What it held.</param>
/// <param name="After">
/// What it holds once the access is done: the same with A, and D in the entry of a page that is written, or unchanged if the access faults.
/// </param>
public readonly record struct ReferenceEntry(int Level, ulong Address, int Bytes, ulong Before, ulong After)
{
    /// <summary><c>level 2 at 0x2000: 0x3027 → 0x3067</c>.</summary>
    public override string ToString() => $"level {Level} at 0x{Address:x}: 0x{Before:x}{(After == Before ? "" : $" → 0x{After:x}")}";
}
