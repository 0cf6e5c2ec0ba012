using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>What the tables of one level hold. A table that is reached by several paths, or at several levels, counts once a level.</summary>
/// <param name="Level">Paging level, 1 to 5.</param>
/// <param name="Tables">Distinct tables. The four PDPTEs of PAE count as one.</param>
/// <param name="PresentEntries">Present entries in them: tables, leaves and malformed ones.</param>
/// <param name="Leaves">Entries that map a page.</param>
/// <param name="MalformedEntries">Present entries with a reserved bit set.</param>
public readonly record struct LevelSummary(int Level, long Tables, long PresentEntries, long Leaves, long MalformedEntries)
{
    /// <summary>Entries that lead to a table.</summary>
    public long TableEntries => PresentEntries - Leaves - MalformedEntries;
}

/// <summary>How much is mapped in one way.</summary>
/// <param name="Size">Page size.</param>
/// <param name="Rights">What the whole path allows.</param>
/// <param name="Pages">Pages of linear addresses: each path to a leaf counts.</param>
public readonly record struct MappedKind(PageSize Size, Rights Rights, ulong Pages)
{
    /// <summary>Bytes of linear address space.</summary>
    public ulong Bytes => Pages << Size.Shift();
}

/// <summary>Counts over a whole address space.</summary>
/// <param name="Levels">One for each level, from the root's down to 1.</param>
/// <param name="Mapped">One for each page size and rights that occur: larger sizes first, then by rights.</param>
public sealed record AddressSpaceSummary(IReadOnlyList<LevelSummary> Levels, IReadOnlyList<MappedKind> Mapped)
{
    /// <summary>Distinct tables of all levels; a table used at two levels counts twice.</summary>
    public long Tables => Levels.Sum(l => l.Tables);

    /// <summary>Bytes of linear address space that are mapped.</summary>
    public ulong MappedBytes => Mapped.Aggregate(0UL, (sum, kind) => sum + kind.Bytes);

    /// <summary>Pages of one size, over all rights.</summary>
    /// <param name="size">The size.</param>
    /// <example><code>
    /// using var memory = PhysicalMemory.Create(16 * MiB);
    /// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, new BitmapFrameAllocator(memory));
    /// space.Map(0, 0, 2 * MiB + 8 * KiB, Rights.SupervisorAll);
    /// Console.WriteLine(space.View().Summarize().Pages(PageSize.Size4K));     // 2
    /// </code></example>
    public ulong Pages(PageSize size) => Mapped.Where(k => k.Size == size).Aggregate(0UL, (sum, kind) => sum + kind.Pages);
}
