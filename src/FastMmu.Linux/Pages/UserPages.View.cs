using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;
using FastMmu.Processor;

namespace FastMmu.Linux.Pages;

/// <content>Looking without touching.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>What is at an address, without a trace.</summary>
    /// <param name="address">Any address of the user's half.</param>
    /// <returns>The default where nothing is.</returns>
    public PageView Peek(ulong address)
    {
        ulong* slot = Find(address);
        ulong entry = slot == null ? 0 : *slot;
        if (!Pte.IsPresent(entry))
        {
            return new PageView { IsGuard = entry == Pte.Guard };
        }

        ulong frame = Pte.Frame(entry);
        var view = new PageView { IsPresent = true, Frame = frame, IsReferenced = (entry & Pte.Accessed) != 0 };
        if ((entry & Pte.Special) != 0)
        {
            return view with { IsSpecial = true };
        }

        ref PageFrame page = ref _pages[frame];
        bool dirty = Pte.IsDirty(entry) || page.IsDirty;
        return view with
        {
            IsAnonymous = page.IsAnonymous,
            IsSharedMemory = page.IsShmem,
            MapCount = page.MapCount,
            IsDirty = dirty,
            IsLazyFree = page.IsLazyFree && !dirty,
        };
    }

    /// <summary>Counts the resident pages of an area, as smaps does.</summary>
    /// <param name="vma">The area.</param>
    /// <returns>All resident pages, and those that are private memory.</returns>
    public (ulong Rss, ulong Anonymous) Count(in Vma vma)
    {
        var counter = new Counter(_pages);
        Walk(vma.Start, vma.End, ref counter);
        return (counter.Rss, counter.Anonymous);
    }

    /// <summary>Does what the processor does for an access of the program: checks rights, sets accessed and dirty.</summary>
    /// <param name="address">Where.</param>
    /// <param name="access">What.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="present">Whether the page was there, for the error code.</param>
    internal bool TryAccess(ulong address, Access access, out ulong frame, out bool present)
    {
        ulong* slot = Find(address);
        ulong entry = slot == null ? 0 : *slot;
        frame = Pte.Frame(entry);
        present = (entry & Pte.Present) != 0;
        if (!present || (access == Access.Write && (entry & Pte.Write) == 0) || (access == Access.Execute && (entry & Pte.NoExecute) != 0))
        {
            return false;
        }

        *slot = entry | Pte.Accessed | (access == Access.Write ? Pte.Dirty : 0);
        return true;
    }

    /// <summary>The entry of a page, 0 without one: what the processor reads.</summary>
    internal ulong EntryOf(ulong address)
    {
        ulong* slot = Find(address);
        return slot == null ? 0 : *slot;
    }

    private struct Counter(PageAllocator pages) : ILeafVisitor
    {
        public ulong Rss;
        public ulong Anonymous;

        public bool Visit(ulong* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                ulong entry = entries[i];
                if (entry == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if (Pte.IsPresent(entry) && (entry & Pte.Special) == 0)
                {
                    Rss++;
                    Anonymous += pages[Pte.Frame(entry)].IsAnonymous ? 1UL : 0;
                }
            }

            return false;
        }
    }
}
