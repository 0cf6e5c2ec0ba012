namespace FastMmu.Linux.Pages;

/// <content>The one walk over a range that all operations share, and the end of tables.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    /// <summary>Visits the entries of a range, where there are tables.</summary>
    /// <typeparam name="TVisitor">What is done.</typeparam>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="visitor">What is done.</param>
    /// <param name="reclaim">Whether a leaf table that lies wholly in the range and is left empty is freed (CONFIG_PT_RECLAIM).</param>
    private void Walk<TVisitor>(ulong start, ulong end, ref TVisitor visitor, bool reclaim = false)
        where TVisitor : struct, ILeafVisitor<TEntry>, allows ref struct
    {
        if (_top != null && start < end)
        {
            Walk(_top, _topShift, start, end, ref visitor, reclaim);
        }
    }

    // The next entry that is not empty, or the count: tables are mostly empty, and vectors pass over that.
    private static int Skip(TEntry* entries, int index, int count)
    {
        int distance = sizeof(TEntry) == sizeof(ulong)
            ? new ReadOnlySpan<ulong>(entries + index, count - index).IndexOfAnyExcept(0UL)
            : new ReadOnlySpan<uint>(entries + index, count - index).IndexOfAnyExcept(0U);
        return distance < 0 ? count : index + distance;
    }

    private void Walk<TVisitor>(TEntry* table, int shift, ulong start, ulong end, ref TVisitor visitor, bool reclaim)
        where TVisitor : struct, ILeafVisitor<TEntry>, allows ref struct
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
                Walk(TableAt(*entry), shift - TEntry.IndexBits, at, next, ref visitor, reclaim);
                continue;
            }

            TEntry* leaves = TableAt(*entry) + ((at >> PageShift) & IndexMask);
            if (TVisitor.Writes)
            {
                BeforeWrite(leaves);
            }

            if (visitor.Visit(leaves, (int)((next - at) >> PageShift), at) && reclaim && next - at == RegionBytes)
            {
                Changed(at);
                FreeTable(entry, RegionShift);
            }
        }
    }

    internal override void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
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

    private void FreeTables(TEntry* table, int shift, ulong start, ulong end, ulong floor, ulong ceiling)
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
                FreeTables(TableAt(*entry), shift - TEntry.IndexBits, at, next, floor, ceiling);
                ulong limit = ceiling & ~(span - 1);
                if ((at & ~(span - 1)) < floor || (ceiling != 0 && limit == 0) || next - 1 > limit - 1)
                {
                    continue;
                }
            }

            Changed(at);
            FreeTable(entry, shift);
        }
    }
}
