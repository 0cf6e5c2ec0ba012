using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Pages;

/// <content>mremap's side of entries.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override ulong Move(in Vma from, ulong oldStart, in Vma to, ulong newStart, ulong length)
    {
        Changes++;
        ulong oldEnd = oldStart + length, first = oldStart;
        if (CanRealign(from, oldStart, to, newStart, length))
        {
            oldStart &= ~(RegionBytes - 1);
            newStart &= ~(RegionBytes - 1);
        }

        while (oldStart < oldEnd)
        {
            // Two levels have no table of directories.
            int shift = Math.Min(_topShift, GigabyteShift);
            ulong extent = Extent(shift, oldStart, oldEnd, newStart);
            TEntry* oldTop = FindEntry(oldStart, shift);
            if (oldTop != null && !oldTop->IsEmpty)
            {
                TEntry* newTop = MakeEntry(newStart, shift);
                if (newTop == null)
                {
                    break;
                }

                if (extent != 1UL << GigabyteShift || !MoveTable(oldTop, newTop, shift, oldStart, extent))
                {
                    extent = Extent(RegionShift, oldStart, oldEnd, newStart);
                    if (!MoveRegion(oldStart, newStart, extent))
                    {
                        break;
                    }
                }
            }

            oldStart += extent;
            newStart += extent;
        }

        Flush();
        return Math.Min(oldStart, oldEnd) - first;
    }

    // What the move passes over before the next border of either side's tables.
    private static ulong Extent(int shift, ulong oldStart, ulong oldEnd, ulong newStart)
    {
        ulong size = 1UL << shift, mask = ~(size - 1);
        ulong extent = Math.Min(((oldStart + size) & mask) - oldStart, oldEnd - oldStart);
        return Math.Min(extent, ((newStart + size) & mask) - newStart);
    }

    // Starting lower, where nothing is mapped, lets the first table move whole.
    private bool CanRealign(in Vma from, ulong oldStart, in Vma to, ulong newStart, ulong length)
    {
        ulong offset = oldStart & (RegionBytes - 1);
        return offset != 0 && length >= RegionBytes - offset && (newStart & (RegionBytes - 1)) == offset
            && CanAlignDown(from, oldStart) && CanAlignDown(to, newStart);
    }

    private bool CanAlignDown(in Vma vma, ulong start) =>
        vma.Start == start && (!Space.Areas.TryFind(start & ~(RegionBytes - 1), out Vma below) || below.Start >= start);

    private bool MoveRegion(ulong oldStart, ulong newStart, ulong extent)
    {
        TEntry* oldEntry = FindEntry(oldStart, RegionShift);
        if (oldEntry == null || oldEntry->IsEmpty)
        {
            return true;
        }

        TEntry* newEntry = MakeEntry(newStart, RegionShift);
        if (newEntry == null)
        {
            return false;
        }

        if (extent == RegionBytes && MoveTable(oldEntry, newEntry, RegionShift, oldStart, extent))
        {
            return true;
        }

        TEntry* to = Make(newStart);
        if (to == null)
        {
            return false;
        }

        TEntry* entries = Find(oldStart);
        BeforeWrite(entries);
        bool walked = Walked;
        for (ulong i = 0; i < extent >> PageShift; i++)
        {
            if (!entries[i].IsEmpty)
            {
                Changed(oldStart + (i << PageShift));
                to[i] = Take(entries + i, walked);
            }
        }

        return true;
    }

    private bool MoveTable(TEntry* from, TEntry* to, int shift, ulong address, ulong length)
    {
        if (!to->IsEmpty)
        {
            return false;
        }

        BeforeWrite(from);
        BeforeWrite(to);
        *to = *from;
        *from = default;
        _lastRegion = NoRegion;
        ReloadTop(shift);
        Changed(address);
        Changed(address + length - PageBytes);
        return true;
    }
}
