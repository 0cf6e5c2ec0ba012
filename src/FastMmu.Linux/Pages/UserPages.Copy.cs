using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>fork's side of entries.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Gives a forked child the pages of an area (copy_page_range): both sides lose the right to write what is private.</summary>
    /// <param name="child">The child's tables, empty in the area's range.</param>
    /// <param name="vma">The area, as the parent has it.</param>
    /// <returns>False when memory for tables is used up.</returns>
    /// <remarks>
    /// What a fault can bring back from a file is not copied; an area without private pages is therefore left out altogether. The caller
    /// flushes. Two or three loads and stores a page: the entry here, the entry there, the page's counts.
    /// </remarks>
    internal bool CopyTo(UserPages child, in Vma vma)
    {
        const VmFlags always = VmFlags.PfnMap | VmFlags.MixedMap | VmFlags.MaybeGuard;
        if (_top == null || (vma.AnonVma == 0 && (vma.Flags & always) == 0))
        {
            return true;
        }

        bool cow = (vma.Flags & (VmFlags.Shared | VmFlags.MayWrite)) == VmFlags.MayWrite;
        return CopyRange(_top, _topShift, child, vma.Start, vma.End, cow, (vma.Flags & VmFlags.Shared) != 0);
    }

    private bool CopyRange(ulong* table, int shift, UserPages child, ulong start, ulong end, bool cow, bool shared)
    {
        ulong span = 1UL << shift;
        for (ulong at = start, next; at < end; at = next)
        {
            next = Math.Min((at & ~(span - 1)) + span, end);
            ulong* entry = table + ((at >> shift) & IndexMask);
            if (*entry == 0)
            {
                continue;
            }

            if (shift > RegionShift)
            {
                if (child.MakeEntry(at, shift - IndexBits) == null
                    || !CopyRange(TableAt(*entry), shift - IndexBits, child, at, next, cow, shared))
                {
                    return false;
                }

                continue;
            }

            ulong* to = child.Make(at);
            if (to == null)
            {
                return false;
            }

            CopyTable(TableAt(*entry) + ((at >> PageShift) & IndexMask), to, (int)((next - at) >> PageShift), at, child, cow, shared);
        }

        return true;
    }

    private void CopyTable(ulong* from, ulong* to, int count, ulong address, UserPages child, bool cow, bool shared)
    {
        PageFrame* pages = _pages.Map;
        ulong anonymous = 0;
        int firstChanged = -1, lastChanged = 0;
        for (int i = 0; i < count; i++)
        {
            ulong entry = from[i];
            if (entry == 0)
            {
                i = Skip(from, i, count) - 1;
                continue;
            }

            if (!Pte.IsPresent(entry))
            {
                to[i] = entry;
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
                from[i] = entry = Pte.WriteProtect(entry);
                lastChanged = i;
                firstChanged = firstChanged < 0 ? i : firstChanged;
            }

            to[i] = (shared ? Pte.MakeClean(entry) : entry) & ~Pte.Accessed;
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
