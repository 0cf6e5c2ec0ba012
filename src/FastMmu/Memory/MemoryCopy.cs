using System.Runtime.InteropServices;
using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>
/// All bytes of a memory at one moment, copied without any knowledge of who writes what: the witness against which a restored memory is held. Pages of
/// zeros are not kept.
/// </summary>
internal sealed unsafe class MemoryCopy : IDisposable
{
    private readonly PhysicalMemory _memory;
    private readonly PagePool _pool = new();
    private readonly List<ulong> _pages = [];
    private readonly List<uint> _slots = [];

    internal MemoryCopy(PhysicalMemory memory)
    {
        _memory = memory;
        foreach (MemoryRange range in memory.Ranges)
        {
            for (ulong page = range.Start.Value; page < range.End; page += PagePool.PageBytes)
            {
                ReadOnlySpan<byte> bytes = memory.BackingOf(page, PagePool.PageBytes);
                if (!bytes.ContainsAnyExcept((byte)0)) continue;
                uint slot = _pool.Take();
                bytes.CopyTo(new Span<byte>(_pool.At(slot), PagePool.PageBytes));
                _pages.Add(page);
                _slots.Add(slot);
            }
        }
    }

    /// <summary>The first bytes in which the memory differs now.</summary>
    internal MemoryDifference[] Compare(int limit)
    {
        var differences = new List<MemoryDifference>();
        ReadOnlySpan<ulong> pages = CollectionsMarshal.AsSpan(_pages);
        int next = 0;
        Span<byte> zeros = stackalloc byte[PagePool.PageBytes];
        zeros.Clear();
        foreach (MemoryRange range in _memory.Ranges)
        {
            for (ulong page = range.Start.Value; page < range.End && differences.Count < limit; page += PagePool.PageBytes)
            {
                ReadOnlySpan<byte> expected = zeros;
                if (next < pages.Length && pages[next] == page) expected = new(_pool.At(_slots[next++]), PagePool.PageBytes);
                ReadOnlySpan<byte> actual = _memory.BackingOf(page, PagePool.PageBytes);
                for (int at = expected.CommonPrefixLength(actual); at < expected.Length && differences.Count < limit; at++)
                {
                    if (expected[at] != actual[at]) differences.Add(new(new PhysicalAddress(page + (ulong)at), expected[at], actual[at]));
                }
            }
        }

        return [.. differences];
    }

    /// <inheritdoc/>
    public void Dispose() => _pool.Dispose();
}
