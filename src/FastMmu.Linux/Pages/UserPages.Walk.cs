namespace FastMmu.Linux.Pages;

/// <content>The one walk over a range that all operations share, and the end of tables.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Visits the entries of a range, where there are tables.</summary>
    /// <typeparam name="TVisitor">What is done.</typeparam>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="visitor">What is done.</param>
    /// <param name="reclaim">Whether a leaf table that lies wholly in the range and is left empty is freed (CONFIG_PT_RECLAIM).</param>
    private void Walk<TVisitor>(ulong start, ulong end, ref TVisitor visitor, bool reclaim = false)
        where TVisitor : struct, ILeafVisitor, allows ref struct
    {
        if (_top != null && start < end)
        {
            Walk(_top, _topShift, start, end, ref visitor, reclaim);
        }
    }

    // The next entry that is not empty, or the count: tables are mostly empty, and vectors pass over that.
    private static int Skip(ulong* entries, int index, int count)
    {
        int distance = new ReadOnlySpan<ulong>(entries + index, count - index).IndexOfAnyExcept(0UL);
        return distance < 0 ? count : index + distance;
    }

    private void Walk<TVisitor>(ulong* table, int shift, ulong start, ulong end, ref TVisitor visitor, bool reclaim)
        where TVisitor : struct, ILeafVisitor, allows ref struct
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
                Walk(TableAt(*entry), shift - IndexBits, at, next, ref visitor, reclaim);
                continue;
            }

            ulong* leaves = TableAt(*entry) + ((at >> PageShift) & IndexMask);
            if (visitor.Visit(leaves, (int)((next - at) >> PageShift), at) && reclaim && next - at == RegionBytes)
            {
                Changed(at);
                FreeTable(entry, counted: true);
            }
        }
    }

    /// <summary>Frees the tables of a range that no area between floor and ceiling can need (free_pgtables).</summary>
    /// <param name="start">The first page that was unmapped.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="floor">Where the area before ends.</param>
    /// <param name="ceiling">Where the next area starts; 0 for none.</param>
    internal void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
    {
        start &= ~(RegionBytes - 1);
        if (start < floor)
        {
            start += RegionBytes;
        }

        if (ceiling != 0)
        {
            ceiling &= ~(RegionBytes - 1);
            if (ceiling == 0)
            {
                return;
            }
        }

        if (end - 1 > ceiling - 1)
        {
            end -= RegionBytes;
        }

        if (_top != null && start <= end - 1)
        {
            FreeTables(_top, _topShift, start, end, floor, ceiling);
            Flush();
        }
    }

    private void FreeTables(ulong* table, int shift, ulong start, ulong end, ulong floor, ulong ceiling)
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
                FreeTables(TableAt(*entry), shift - IndexBits, at, next, floor, ceiling);
                ulong limit = ceiling & ~(span - 1);
                if ((at & ~(span - 1)) < floor || (ceiling != 0 && limit == 0) || next - 1 > limit - 1)
                {
                    continue;
                }
            }

            Changed(at);
            FreeTable(entry, counted: shift <= 39);
        }
    }
}
