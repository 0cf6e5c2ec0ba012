using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Pages;

/// <content>mremap's side of entries.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Moves the entries of a range from one area to another (move_page_tables). Whole tables are moved where both sides allow it.</summary>
    /// <param name="from">The area they are in.</param>
    /// <param name="oldStart">Their first page.</param>
    /// <param name="to">The area they come to; contains the new range.</param>
    /// <param name="newStart">Their first page there.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>Bytes moved: fewer when memory for tables is used up.</returns>
    internal ulong Move(in Vma from, ulong oldStart, in Vma to, ulong newStart, ulong length)
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
            ulong extent = Extent(30, oldStart, oldEnd, newStart);
            ulong* oldTop = FindEntry(oldStart, 30);
            if (oldTop != null && *oldTop != 0)
            {
                ulong* newTop = MakeEntry(newStart, 30);
                if (newTop == null)
                {
                    break;
                }

                if (extent != 1UL << 30 || !MoveTable(oldTop, newTop, oldStart, extent))
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
        vma.Start == start && (!_space.Areas.TryFind(start & ~(RegionBytes - 1), out Vma below) || below.Start >= start);

    private bool MoveRegion(ulong oldStart, ulong newStart, ulong extent)
    {
        ulong* oldEntry = FindEntry(oldStart, RegionShift);
        if (oldEntry == null || *oldEntry == 0)
        {
            return true;
        }

        ulong* newEntry = MakeEntry(newStart, RegionShift);
        if (newEntry == null)
        {
            return false;
        }

        if (extent == RegionBytes && MoveTable(oldEntry, newEntry, oldStart, extent))
        {
            return true;
        }

        ulong* to = Make(newStart);
        if (to == null)
        {
            return false;
        }

        ulong* entries = Find(oldStart);
        for (ulong i = 0; i < extent >> PageShift; i++)
        {
            if (entries[i] != 0)
            {
                Changed(oldStart + (i << PageShift));
                to[i] = entries[i];
                entries[i] = 0;
            }
        }

        return true;
    }

    private bool MoveTable(ulong* from, ulong* to, ulong address, ulong length)
    {
        if (*to != 0)
        {
            return false;
        }

        *to = *from;
        *from = 0;
        _lastRegion = NoRegion;
        Changed(address);
        Changed(address + length - PageBytes);
        return true;
    }
}
