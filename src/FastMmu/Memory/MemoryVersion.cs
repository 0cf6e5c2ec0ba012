namespace FastMmu.Memory;

/// <summary>The contents of a memory at one moment: its map, and how its bytes differ from those of a neighbour.</summary>
internal sealed class MemoryVersion
{
    private const int FirstPages = 64;

    private ulong[] _pages = [];
    private uint[] _slots = [];

    internal MemoryVersion(MemoryMap map) => Map = map;

    /// <summary>What stood behind addresses.</summary>
    internal MemoryMap Map { get; }

    /// <summary>The next version on the way to the one that the memory was taken from; null for that one itself.</summary>
    internal MemoryVersion? Toward { get; set; }

    /// <summary>Whether nobody asks for it any more; it stays as long as others differ from it.</summary>
    internal bool Released { get; set; }

    /// <summary>How many pages differ from those of <see cref="Toward"/>.</summary>
    internal int Count { get; private set; }

    /// <summary>The pages that differ, as numbers in the native region.</summary>
    internal ReadOnlySpan<ulong> Pages => _pages.AsSpan(0, Count);

    /// <summary>Where the bytes are that they have here.</summary>
    internal Span<uint> Slots => _slots.AsSpan(0, Count);

    internal void Add(ulong page, uint slot)
    {
        if (Count == _pages.Length)
        {
            int room = Math.Max(FirstPages, 2 * Count);
            Array.Resize(ref _pages, room);
            Array.Resize(ref _slots, room);
        }

        _pages[Count] = page;
        _slots[Count++] = slot;
    }

    internal void Clear() => Count = 0;

    /// <summary>Exchanges what differs with another version, slots and all.</summary>
    internal void Exchange(MemoryVersion other)
    {
        (_pages, other._pages) = (other._pages, _pages);
        (_slots, other._slots) = (other._slots, _slots);
        (Count, other.Count) = (other.Count, Count);
    }
}
