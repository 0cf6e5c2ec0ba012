using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Linux.Pages;

/// <content>Looking without touching.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    public override PageView Peek(ulong address)
    {
        TEntry* slot = Find(address);
        ulong entry = slot == null ? 0 : slot->Value;
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

    public override (ulong Rss, ulong Anonymous) Count(in Vma vma)
    {
        var counter = new Counter(_pages);
        Walk(vma.Start, vma.End, ref counter);
        return (counter.Rss, counter.Anonymous);
    }

    public override IReadOnlyList<UserPage> Pages(ulong start = 0, ulong end = ulong.MaxValue)
    {
        var lister = new Lister([]);
        Walk(start & ~(PageBytes - 1), Math.Min(end, Space.UserEnd), ref lister);
        return lister.Pages;
    }

    internal override bool TryAccess(ulong address, Access access, out ulong frame, out bool present)
    {
        TEntry* slot = Find(address);
        ulong entry = slot == null ? 0 : slot->Value;
        frame = Pte.Frame(entry);
        present = (entry & Pte.Present) != 0;
        if (!present || (access == Access.Write && (entry & Pte.Write) == 0) || (access == Access.Execute && (entry & Pte.NoExecute) != 0))
        {
            return false;
        }

        BeforeWrite(slot);
        Mark(slot, Pte.Accessed | (access == Access.Write ? Pte.Dirty : 0), dirty: false);
        return true;
    }

    internal override ulong EntryOf(ulong address)
    {
        TEntry* slot = Find(address);
        return slot == null ? 0 : slot->Value;
    }

    private readonly struct Lister(List<UserPage> pages) : ILeafVisitor<TEntry>
    {
        public List<UserPage> Pages => pages;

        public static bool Writes => false;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                ulong entry = entries[i].Value;
                if (entry == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if ((entry & Pte.Present) != 0)
                {
                    Rights rights = Rights.User | Rights.Read | ((entry & Pte.Write) != 0 ? Rights.Write : 0) | ((entry & Pte.NoExecute) == 0 ? Rights.Execute : 0);
                    pages.Add(new(address + ((ulong)i << PageShift), new(Pte.Frame(entry) << PageShift), rights));
                }
            }

            return false;
        }
    }

    private struct Counter(PageAllocator pages) : ILeafVisitor<TEntry>
    {
        public ulong Rss;
        public ulong Anonymous;

        public static bool Writes => false;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                ulong entry = entries[i].Value;
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
