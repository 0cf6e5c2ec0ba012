using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>fork's side of entries.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override bool CopyTo(UserPages child, in Vma vma)
    {
        const VmFlags always = VmFlags.PfnMap | VmFlags.MixedMap | VmFlags.MaybeGuard;
        if (_top == null || (vma.AnonVma == 0 && (vma.Flags & always) == 0))
        {
            return true;
        }

        bool cow = (vma.Flags & (VmFlags.Shared | VmFlags.MayWrite)) == VmFlags.MayWrite;
        return CopyRange(_top, _topShift, (ModePages<TEntry>)child, vma.Start, vma.End, cow, (vma.Flags & VmFlags.Shared) != 0);
    }

    private bool CopyRange(TEntry* table, int shift, ModePages<TEntry> child, ulong start, ulong end, bool cow, bool shared)
    {
        ulong span = 1UL << shift;
        for (ulong at = start, next; at < end; at = next)
        {
            next = Math.Min((at & ~(span - 1)) + span, end);
            TEntry* entry = table + ((at >> shift) & IndexMask);
            if (entry->IsEmpty)
            {
                continue;
            }

            if (shift > RegionShift)
            {
                if (child.MakeEntry(at, shift - TEntry.IndexBits) == null
                    || !CopyRange(TableAt(*entry), shift - TEntry.IndexBits, child, at, next, cow, shared))
                {
                    return false;
                }

                continue;
            }

            TEntry* to = child.Make(at);
            if (to == null)
            {
                return false;
            }

            CopyTable(TableAt(*entry) + ((at >> PageShift) & IndexMask), to, (int)((next - at) >> PageShift), at, child, cow, shared);
        }

        return true;
    }

    private void CopyTable(TEntry* from, TEntry* to, int count, ulong address, ModePages<TEntry> child, bool cow, bool shared)
    {
        if (cow)
        {
            BeforeWrite(from);
        }

        bool walked = Walked;
        PageFrame* pages = _pages.Map;
        ulong anonymous = 0;
        int firstChanged = -1, lastChanged = 0;
        for (int i = 0; i < count; i++)
        {
            ulong entry = from[i].Value;
            if (entry == 0)
            {
                i = Skip(from, i, count) - 1;
                continue;
            }

            if (!Pte.IsPresent(entry))
            {
                to[i] = TEntry.Of(entry);
                continue;
            }

            if ((entry & Pte.Special) == 0)
            {
                PageFrame* page = pages + Pte.Frame(entry);
                if (PageState.TryShare(page))
                {
                    anonymous++;
                }
                else
                {
                    page->MapAgain();
                    child.CountFilePage(ref *page);
                }
            }

            if (cow && (entry & Pte.Write) != 0)
            {
                entry = Pte.WriteProtect(entry);
                if (walked)
                {
                    entry = WriteProtect(from + i);
                }
                else
                {
                    from[i] = TEntry.Of(entry);
                }

                lastChanged = i;
                firstChanged = firstChanged < 0 ? i : firstChanged;
            }

            to[i] = TEntry.Of((shared ? Pte.MakeClean(entry) : entry) & ~Pte.Accessed);
        }

        child.RssAnon += anonymous;
        child.Changes++;
        if (firstChanged >= 0)
        {
            Changed(address + ((ulong)firstChanged << PageShift));
            Changed(address + ((ulong)lastChanged << PageShift));
        }
    }
}
