namespace FastMmu.Reference;

/// <summary>One paging-structure entry of a recorded row.</summary>
/// <param name="Level">5 to 1; 3 is the page-directory-pointer table in PAE paging, 2 the directory in two-level paging.</param>
/// <param name="Table">Physical address of the table in bytes.</param>
/// <param name="Index">Index in the table.</param>
/// <param name="Bytes">Width of an entry: 4 in two-level paging, else 8.</param>
/// <param name="Before">The entry before the access.</param>
/// <param name="After">The entry after it.</param>
public readonly record struct PagingVectorEntry(int Level, ulong Table, int Index, int Bytes, ulong Before, ulong After)
{
    /// <summary>Physical address of the entry in bytes.</summary>
    public ulong Address => Table + ((ulong)Index * (ulong)Bytes);
}
