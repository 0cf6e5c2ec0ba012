using FastMmu.Addresses;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Paging.Mapping;

namespace FastMmu.Linux.Kernel;

/// <summary>
/// Why tables have levels: what tables of one to five levels would cost a process. One level needs an entry for every page there could be,
/// used or not; with more levels a part that nothing uses costs one entry of the level above it.
/// </summary>
public static class ProcessTables
{
    /// <summary>For the pages that a process has now.</summary>
    /// <param name="mm">The process's address space.</param>
    /// <returns>One for each of <see cref="TableShape.All"/>, exact; no cost where an address does not exist in that many bits.</returns>
    public static IReadOnlyList<TableCost> OfPages(AddressSpace mm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        TableCostCounter[] counters = [.. TableShape.All.Select(shape => new TableCostCounter(shape))];
        // The kernel's half is everybody's: it is no process's cost.
        foreach (UserPage page in mm.Tables.Pages(0, mm.TaskSize))
        {
            foreach (TableCostCounter counter in counters) counter.Add(new LinearRange(page.Address, PageSize.Size4K.Bytes()), PageSize.Size4K);
        }

        return [.. counters.Select(c => c.Cost)];
    }

    /// <summary>For all pages of all its areas, as if every one had been touched.</summary>
    /// <param name="mm">The process's address space.</param>
    /// <returns>As <see cref="OfPages"/>.</returns>
    public static IReadOnlyList<TableCost> OfAreas(AddressSpace mm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        var ranges = new List<LinearRange>();
        foreach (Vma vma in mm.Areas) ranges.Add(new LinearRange(new LinearAddress(vma.Start), vma.Length));
        return TableCost.Of(ranges);
    }
}
