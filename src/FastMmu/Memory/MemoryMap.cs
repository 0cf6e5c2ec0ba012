using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>A stretch of physical addresses with one thing behind it.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">The address behind the last one.</param>
/// <param name="Kind">What is there; never a hole.</param>
/// <param name="Offset">Where its bytes are in the native region; meaningless for a device.</param>
/// <param name="Device">Who answers, if it is a device.</param>
/// <param name="DeviceStart">The device's first address, which may lie before <paramref name="Start"/> where another one covers its beginning.</param>
internal readonly record struct MemorySegment(
    ulong Start, ulong End, MemoryKind Kind, ulong Offset = 0, IMemoryDevice? Device = null, ulong DeviceStart = 0)
{
    internal MemorySegment From(ulong start) => this with { Start = start, Offset = Offset + (start - Start) };

    internal MemorySegment Until(ulong end) => this with { End = end };
}

/// <summary>What stands behind every physical address at one moment. Immutable: a change makes a new one.</summary>
internal sealed class MemoryMap
{
    internal const int ChunkShift = 21;
    internal const ulong WindowLimit = 1UL << 40;
    internal const byte ChunkIsRam = 1;

    private readonly MemorySegment[] _segments;

    /// <summary>Makes a map.</summary>
    /// <param name="segments">By ascending address, without overlap.</param>
    /// <param name="chunks">How many chunks of 2 MiB the window has.</param>
    internal MemoryMap(MemorySegment[] segments, int chunks)
    {
        _segments = segments;
        Chunks = new byte[chunks];
        foreach (MemorySegment segment in segments)
        {
            if (segment.Kind != MemoryKind.Ram || segment.End > WindowLimit) continue;
            // Only chunks that are RAM from end to end; the last one of the region counts too where RAM fills it.
            ulong first = (segment.Start + (1UL << ChunkShift) - 1) >> ChunkShift;
            ulong last = segment.End >> ChunkShift;
            if (first < last) Chunks.AsSpan((int)first, (int)(last - first)).Fill(ChunkIsRam);
        }
    }

    /// <summary>For each 2 MiB of the window <see cref="ChunkIsRam"/>, or 0 where something else may be.</summary>
    internal byte[] Chunks { get; }

    /// <summary>The stretches that have something behind them.</summary>
    internal ReadOnlySpan<MemorySegment> Segments => _segments;

    /// <summary>The first segment that ends above the address, and whether it holds it; the number of segments if there is none.</summary>
    internal int Find(ulong address, out bool inside)
    {
        MemorySegment[] segments = _segments;
        int low = 0, high = segments.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (segments[middle].End > address) high = middle;
            else low = middle + 1;
        }

        inside = low < segments.Length && segments[low].Start <= address;
        return low;
    }

    /// <summary>How many of <paramref name="wanted"/> bytes from <paramref name="at"/> share the segment, or the hole before it.</summary>
    internal int Stretch(int index, bool inside, ulong at, int wanted)
    {
        if (index == _segments.Length) return wanted;
        ulong end = inside ? _segments[index].End : _segments[index].Start;
        return (int)Math.Min((ulong)wanted, end - at);
    }

    /// <summary>Makes a map of segments that may be parts of one.</summary>
    /// <param name="segments">By ascending address, without overlap.</param>
    /// <param name="chunks">How many chunks of 2 MiB the window has.</param>
    internal static MemoryMap Of(List<MemorySegment> segments, int chunks) => new([.. Joined(segments)], chunks);

    /// <summary>The map with a stretch replaced by what lies in it of other segments.</summary>
    /// <param name="start">First address of the stretch.</param>
    /// <param name="end">The address behind its last one.</param>
    /// <param name="inside">By ascending address, without overlap, and inside the stretch.</param>
    internal MemoryMap With(ulong start, ulong end, IEnumerable<MemorySegment> inside)
    {
        var result = new List<MemorySegment>();
        foreach (MemorySegment segment in _segments)
        {
            if (segment.Start < start) result.Add(segment.Until(Math.Min(segment.End, start)));
        }

        result.AddRange(inside);
        foreach (MemorySegment segment in _segments)
        {
            if (segment.End > end) result.Add(segment.From(Math.Max(segment.Start, end)));
        }

        return Of(result, Chunks.Length);
    }

    /// <summary>The parts of its segments that lie in a stretch.</summary>
    internal IEnumerable<MemorySegment> Within(ulong start, ulong end) => _segments
        .Where(s => s.Start < end && s.End > start)
        .Select(s => s.From(Math.Max(s.Start, start)).Until(Math.Min(s.End, end)));

    // What was cut and is whole again: a chunk of RAM is found without a search only if one segment has all of it.
    private static IEnumerable<MemorySegment> Joined(List<MemorySegment> segments)
    {
        MemorySegment last = segments.Count == 0 ? default : segments[0];
        foreach (MemorySegment segment in segments.Skip(1))
        {
            if (last.End == segment.Start && last == segment with { Start = last.Start, End = last.End, Offset = segment.Offset - (segment.Start - last.Start) })
            {
                last = last.Until(segment.End);
                continue;
            }

            yield return last;
            last = segment;
        }

        if (segments.Count != 0) yield return last;
    }
}
