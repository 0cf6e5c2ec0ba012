namespace FastMmu.Linux.Pages;

/// <summary>What is done with each stretch of entries that lies in one leaf table.</summary>
/// <typeparam name="TEntry">How entries are stored.</typeparam>
internal unsafe interface ILeafVisitor<TEntry>
    where TEntry : unmanaged, IPageEntry<TEntry>
{
    /// <summary>Whether entries may be changed.</summary>
    static virtual bool Writes => true;

    /// <summary>Visits a stretch.</summary>
    /// <param name="entries">The first entry.</param>
    /// <param name="count">How many.</param>
    /// <param name="address">What the first one translates.</param>
    /// <returns>Whether the table may be freed: all of it was visited, and it is empty now. Heeded only where the walk says so.</returns>
    bool Visit(TEntry* entries, int count, ulong address);
}
