using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>Goes through two address spaces side by side.</summary>
internal static class SpaceComparison
{
    // What is left of the page that a side has reached.
    private struct Side(MappedPages pages, long limit)
    {
        private MappedPages.Enumerator _pages = pages.GetEnumerator();
        private long _left = limit;
        internal ulong First, Last;
        internal FrameMapping Mapping;

        /// <summary>All pages were seen.</summary>
        internal bool AtEnd;

        /// <summary>There may be more pages than are wanted: nothing is known from here on.</summary>
        internal bool AtLimit;

        internal void Next()
        {
            if (_left-- <= 0)
            {
                AtLimit = true;
                return;
            }

            AtEnd = !_pages.MoveNext();
            if (AtEnd) return;
            MappedPage page = _pages.Current;
            First = page.Linear.Value;
            Last = page.Range.Last.Value;
            Mapping = new(in page);
        }

        internal void Consume(ulong bytes)
        {
            if (Last - First < bytes)
            {
                Next();
                return;
            }

            First += bytes;
            Mapping = Mapping.Advance(bytes);
        }
    }

    internal static IEnumerable<MappingDifference> Run(MappedPages before, MappedPages after, long pageLimit)
    {
        var a = new Side(before, pageLimit);
        var b = new Side(after, pageLimit);
        a.Next();
        b.Next();
        MappingDifference? open = null;
        while (!a.AtLimit && !b.AtLimit && !(a.AtEnd && b.AtEnd))
        {
            bool inA = !a.AtEnd && (b.AtEnd || a.First <= b.First);
            bool inB = !b.AtEnd && (a.AtEnd || b.First <= a.First);
            ulong first = inA ? a.First : b.First;
            // Up to where both sides say the same as here: a page's end, or the other side's beginning.
            ulong last = inA ? a.Last : b.Last;
            if (inA && inB) last = Math.Min(a.Last, b.Last);
            else if (inA && !b.AtEnd) last = Math.Min(a.Last, b.First - 1);
            else if (inB && !a.AtEnd) last = Math.Min(b.Last, a.First - 1);
            ulong bytes = last - first + 1;
            if (!inA || !inB || a.Mapping != b.Mapping)
            {
                var next = new MappingDifference(new LinearRange(first, bytes), inA ? a.Mapping : null, inB ? b.Mapping : null);
                if (open is { } running && running.TryExtend(in next, out MappingDifference extended))
                {
                    open = extended;
                }
                else
                {
                    if (open is { } done) yield return done;
                    open = next;
                }
            }

            if (inA) a.Consume(bytes);
            if (inB) b.Consume(bytes);
        }

        if (open is { } rest) yield return rest;
    }
}
