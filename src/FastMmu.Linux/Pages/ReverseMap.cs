using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <summary>From a page of physical memory back to the processes that map it (rmap).</summary>
/// <remarks>
/// A page knows its object — a file or a group of anonymous pages — and its page number there. Every area that can show that number has
/// one candidate address, and its entry decides. All areas of the machine are looked at: this is for people and tests, not for a hot path.
/// </remarks>
public static class ReverseMap
{
    /// <summary>Finds the places where a page is mapped.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="frame">The page frame number.</param>
    /// <returns>By address space in the order of their making, then by address. As many as the page's map count; none for the zero page.</returns>
    public static IReadOnlyList<PageMapping> Find(LinuxMachine machine, ulong frame)
    {
        ArgumentNullException.ThrowIfNull(machine);
        PageFrame page = machine.Pages[frame];
        var found = new List<PageMapping>();
        if (page.MapCount == 0)
        {
            return found;
        }

        foreach (AddressSpace space in machine.Spaces)
        {
            for (ulong at = 0; space.Areas.TryFind(at, out Vma vma); at = vma.End)
            {
                ulong index = page.Index - vma.PageOffset;
                if (index >= vma.Pages || (page.Mapping < 0 && vma.AnonVma == 0))
                {
                    continue;
                }

                ulong address = vma.Start + (index << 12);
                if (space.Tables.Peek(address) is { IsResident: true } view && view.Frame == frame)
                {
                    found.Add(new PageMapping(space, address));
                }
            }
        }

        return found;
    }
}
