using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>The tables that one arrangement needs for a set of pages.</summary>
/// <param name="Shape">The arrangement.</param>
/// <param name="Tables">Tables of all levels, the root included; null if some page has no address in this arrangement.</param>
/// <param name="Bytes">Their bytes; null as well.</param>
public readonly record struct TableCost(TableShape Shape, long? Tables, ulong? Bytes)
{
    /// <summary>What each arrangement needs to map the pages of an address space.</summary>
    /// <param name="view">The address space. It is gone through once.</param>
    /// <param name="largePages">
    /// Whether a large page stays one where the arrangement has pages of its size or, in pieces, of a smaller one; otherwise everything is
    /// mapped by 4-KiB pages.
    /// </param>
    /// <param name="pageLimit">Only so many pages, for tables that cannot be trusted.</param>
    /// <returns>One for each of <see cref="TableShape.All"/>, exact: the distinct prefixes of the addresses mapped.</returns>
    /// <example><code>
    /// using var memory = PhysicalMemory.Create(16 * MiB);
    /// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, new BitmapFrameAllocator(memory));
    /// space.Map(0x4000_0000, 0, 8 * MiB, Rights.UserReadWrite);
    /// Console.WriteLine(TableCost.Of(space.View()).Single(c => c.Shape == TableShape.FourLevel).Tables);                      // 3
    /// Console.WriteLine(TableCost.Of(space.View(), largePages: false).Single(c => c.Shape == TableShape.FourLevel).Tables);   // 7
    /// </code></example>
    public static IReadOnlyList<TableCost> Of(AddressSpaceView view, bool largePages = true, long pageLimit = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(view);
        TableCostCounter[] counters = [.. TableShape.All.Select(shape => new TableCostCounter(shape))];
        foreach (MappedPage page in view.Pages())
        {
            if (pageLimit-- <= 0) break;
            foreach (TableCostCounter counter in counters) counter.Add(page.Range, largePages ? page.Size : PageSize.Size4K);
        }

        return [.. counters.Select(c => c.Cost)];
    }

    /// <summary>What each arrangement needs to map ranges by 4-KiB pages.</summary>
    /// <param name="ranges">The ranges, in any order; they may overlap. Partly covered pages count.</param>
    /// <returns>One for each of <see cref="TableShape.All"/>, exact.</returns>
    /// <example><code>
    /// IReadOnlyList&lt;TableCost&gt; costs = TableCost.Of(new[] { new LinearRange(0x40_0000, 1 * MiB), new LinearRange(0xbfff_0000, 64 * KiB) });
    /// foreach (TableCost cost in costs) Console.WriteLine($"{cost.Shape.Name}: {cost.Tables} tables, {cost.Bytes} bytes");   // one level, 32-bit: 1 tables, 4194304 bytes
    ///                                                                                                                        // two levels: 3 tables, 12288 bytes
    ///                                                                                                                        // three levels (PAE): 5 tables, 16416 bytes
    ///                                                                                                                        // one level, 48-bit: 1 tables, 549755813888 bytes
    ///                                                                                                                        // four levels: 6 tables, 24576 bytes
    ///                                                                                                                        // one level, 57-bit: 1 tables, 281474976710656 bytes
    ///                                                                                                                        // five levels: 7 tables, 28672 bytes
    /// </code></example>
    public static IReadOnlyList<TableCost> Of(IEnumerable<LinearRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        TableCostCounter[] counters = [.. TableShape.All.Select(shape => new TableCostCounter(shape))];
        foreach (LinearRange range in ranges.OrderBy(r => r.Start))
        {
            foreach (TableCostCounter counter in counters) counter.Add(range);
        }

        return [.. counters.Select(c => c.Cost)];
    }
}
