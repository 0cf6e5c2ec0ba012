using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <content>
/// Never two answers: what an insertion has to clear. Two translations could both answer when their pages share an address and one
/// PCID sees both: the same PCID, or either of them global.
/// </content>
public abstract unsafe partial class TlbStorage
{
    /// <summary>
    /// Clears every slot of another page size, or of the same page under another PCID, that could answer where an entry is about to
    /// answer. Slots of the same page under the same PCID, or global where the entry is not, are left to the caller.
    /// </summary>
    /// <param name="entry">The entry about to be stored.</param>
    /// <param name="size">The number of its page size.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected void ClearOverlaps(in TlbEntry entry, int size)
    {
        for (int other = 0; other < TlbPageIndex.Count; other++)
        {
            if ((Present & (1U << other)) == 0) continue;
            if (other < size)
            {
                if (other > 0 || HasSmallPages(entry.Linear, size)) ClearInside(in entry, size, other);
            }
            else if (other > size || entry.Global)
            {
                ClearSame(in entry, other);
            }
        }
    }

    private static int RegionOf(ulong linear) => (int)(linear >> FilterRegionShift) & (FilterRegions - 1);

    private bool HasSmallPages(ulong linear, int size)
    {
        // A page is aligned and a power of two of regions, at most half the table, so its regions are neighbours in the table.
        int regions = 1 << (TlbPageIndex.Shift(size) - FilterRegionShift);
        return new ReadOnlySpan<int>(_smallPagesOfRegion + RegionOf(linear), regions).ContainsAnyExcept(0);
    }

    /// <summary>
    /// Clears the pages of a size, smaller than the entry's, that lie in the entry's page: they may be in any set. Dead ones go too, so
    /// that they cause no further search.
    /// </summary>
    private void ClearInside(in TlbEntry entry, int size, int other)
    {
        int low = TlbPageIndex.Shift(size) + TlbArray.LinearShift;
        ulong mask = (ulong.MaxValue << low) | (3UL << TlbArray.SizePosition);
        Vector256<ulong> masks = Vector256.Create(mask);
        Vector256<ulong> pages = Vector256.Create(TlbArray.TagOf(entry.Linear, other) & mask);
        foreach (int index in CollectionsMarshal.AsSpan(_described))
        {
            ref TlbArray array = ref Arrays12[index];
            if (((int)array.Pages & (1 << other)) == 0) continue;
            for (int set = 0; set <= array.SetMask; set++)
            {
                byte* record = array.Record(set);
                ulong* tags = TlbArray.Tags(record);
                for (int way = 0; way < array.Ways; way += 4)
                {
                    uint inside = Vector256.Equals(Vector256.LoadAligned(tags + way) & masks, pages).ExtractMostSignificantBits();
                    for (; inside != 0; inside &= inside - 1)
                    {
                        int found = way + BitOperations.TrailingZeroCount(inside);
                        ulong tag = tags[found];
                        if ((tag & TlbArray.ContextMask) == 0) continue;
                        if (CouldAnswer(tag, in entry) || !Lives(tag, array.Entries(record)[found])) Clear(tags + found);
                    }
                }
            }
        }
    }

    /// <summary>Clears the page of a size, at least the entry's, that the entry lies in: it can be in one set only.</summary>
    private void ClearSame(in TlbEntry entry, int other)
    {
        ulong page = TlbArray.TagOf(entry.Linear, other);
        bool samePage = entry.Size == TlbPageIndex.Size(other);
        foreach (int index in CollectionsMarshal.AsSpan(_described))
        {
            ref TlbArray array = ref Arrays12[index];
            if (((int)array.Pages & (1 << other)) == 0) continue;
            ulong* tags = TlbArray.Tags(array.RecordOf(entry.Linear, other));
            for (int way = 0; way < array.Ways; way++)
            {
                ulong tag = tags[way];
                if ((tag & ~TlbArray.ContextMask) != page || !CouldAnswer(tag, in entry)) continue;
                if (samePage && (tag & TlbArray.ContextMask) == Globals) continue;
                Clear(tags + way);
            }
        }
    }

    /// <summary>Whether a slot's tag, empty ones apart, answers under a PCID that the entry answers under too.</summary>
    private bool CouldAnswer(ulong tag, in TlbEntry entry)
    {
        ulong context = tag & TlbArray.ContextMask;
        return context != 0 && (entry.Global || context == Own || context == Globals);
    }
}
