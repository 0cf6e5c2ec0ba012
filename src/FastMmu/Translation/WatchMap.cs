using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu;

/// <summary>The watches of an <see cref="Mmu"/> by page. Immutable: a change makes a new one, and an access under way keeps its own.</summary>
internal sealed class WatchMap
{
    // Stretches of pages with the same watches, as the number of the first page of each; those between watches have none.
    private readonly ulong[] _firstPages;
    private readonly Watch[][] _watches;
    private readonly WatchKinds[] _kinds;

    private WatchMap(Watch[] all)
    {
        All = all;
        foreach (Watch watch in all) Kinds |= watch.Kinds;
        _firstPages = [.. all.SelectMany(w => new[] { FirstPage(w), LastPage(w) + 1 }).Append(0UL).Distinct().Order()];
        _watches = [.. _firstPages.Select(page => all.Where(w => FirstPage(w) <= page && page <= LastPage(w)).OrderBy(w => w.Range.Start.Value).ToArray())];
        _kinds = [.. _watches.Select(list => list.Aggregate(WatchKinds.None, (kinds, w) => kinds | w.Kinds))];
    }

    /// <summary>All watches, in the order in which they were made.</summary>
    internal Watch[] All { get; }

    /// <summary>What any of them is told of.</summary>
    internal WatchKinds Kinds { get; }

    /// <summary>The map of some watches; null if there are none.</summary>
    internal static WatchMap? Of(Watch[] all) => all.Length == 0 ? null : new(all);

    /// <summary>The watches of the page of an address, by ascending start.</summary>
    internal Watch[] At(ulong linear) => _watches[Find(linear >> 12)];

    /// <summary>What watches of the page of an address are told of.</summary>
    internal WatchKinds KindsAt(ulong linear) => _kinds[Find(linear >> 12)];

    /// <summary>Whether any page of some bytes has a watch of a kind.</summary>
    /// <param name="linear">The first byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="wrap">The last address before the bytes go on at 0.</param>
    /// <param name="kind">The kind.</param>
    internal bool Holds(ulong linear, int length, ulong wrap, WatchKinds kind)
    {
        ulong pages = ((linear & 0xfff) + (ulong)length + 0xfff) >> 12;
        for (ulong page = 0; page < pages; page++)
        {
            if ((KindsAt((linear + (page << 12)) & wrap) & kind) != 0) return true;
        }

        return false;
    }

    /// <summary>Whether any of many canonical addresses may be in a page that has a watch of a kind. False is certain.</summary>
    internal bool MayHold(ReadOnlySpan<ulong> linear, WatchKinds kind)
    {
        for (int i = 0; i < _kinds.Length; i++)
        {
            if ((_kinds[i] & kind) == 0) continue;
            // The last stretch goes to the end of the address space, and a length of 2^64 is none.
            ulong first = _firstPages[i] << 12, last = (i + 1 < _firstPages.Length ? _firstPages[i + 1] << 12 : 0) - 1 - first;
            ReadOnlySpan<Vector512<ulong>> vectors = MemoryMarshal.Cast<ulong, Vector512<ulong>>(linear);
            Vector512<ulong> found = Vector512<ulong>.Zero, start = Vector512.Create(first), end = Vector512.Create(last);
            foreach (Vector512<ulong> lanes in vectors) found |= Vector512.LessThanOrEqual(lanes - start, end);
            if (found != Vector512<ulong>.Zero) return true;
            foreach (ulong lane in linear[(vectors.Length * Vector512<ulong>.Count)..])
            {
                if (lane - first <= last) return true;
            }
        }

        return false;
    }

    private int Find(ulong page)
    {
        ulong[] firstPages = _firstPages;
        int low = 0, count = firstPages.Length;
        while (count > 1)
        {
            int half = count / 2;
            low = firstPages[low + half] <= page ? low + half : low;
            count -= half;
        }

        return low;
    }

    private static ulong FirstPage(Watch watch) => watch.Range.Start.Value >> 12;

    private static ulong LastPage(Watch watch) => watch.Range.Last.Value >> 12;
}
