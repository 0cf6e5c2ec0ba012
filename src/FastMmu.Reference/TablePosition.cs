namespace FastMmu.Reference;

/// <summary>
/// A point in a walk: the next table to read, and the rights of the path that led there. It is what a paging-structure cache holds.
/// </summary>
/// <param name="Level">Level of the table: 1 to 5.</param>
/// <param name="Table">Its physical address.</param>
/// <param name="Writable">R/W=1 in every entry so far.</param>
/// <param name="User">U/S=1 in every entry so far.</param>
/// <param name="ExecuteDisabled">XD=1 in some entry so far.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Caches for Paging Structures" (4.10.3.1).</remarks>
internal readonly record struct TablePosition(int Level, ulong Table, bool Writable, bool User, bool ExecuteDisabled)
{
    /// <summary>A table reached without any entry that carries rights.</summary>
    internal static TablePosition Root(int level, ulong table) => new(level, table, true, true, false);
}
