using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>
/// Guest-physical memory: RAM and ROM ranges with holes between them, in one native region between inaccessible guard pages.
/// Page tables live here and nowhere else. Addresses without memory behind them read as all ones and swallow writes, as a bus does.
/// </summary>
/// <remarks>
/// <para>Below 1 TiB a physical address is the offset into the region, so that finding a host byte is one check and one add; ranges
/// above it are packed behind. Memory is reserved lazily: a page that was never written costs nothing but address space.</para>
/// <para>Several virtual CPUs may use one memory at once: naturally aligned accesses up to 8 bytes are atomic, nothing else is.
/// After <see cref="Dispose()"/> every access throws <see cref="ObjectDisposedException"/>.</para>
/// </remarks>
/// <example><code>
/// var ram = new MemoryRange(0UL, 16 * MiB);
/// var rom = new MemoryRange(0xf_0000_0000, 64 * KiB, MemoryKind.Rom);
/// using var memory = new PhysicalMemory(new[] { ram, rom });
/// Console.WriteLine(memory.RamBytes / MiB);               // 16
/// </code></example>
public sealed unsafe partial class PhysicalMemory : IDisposable
{
    private static long _liveCount;

    private readonly NativeRegion _region;
    private readonly MemoryRange[] _ranges;
    // The map as it was created, and as it is.
    private readonly MemoryMap _backing;
    private MemoryMap _map;
    private byte[] _chunks;
    private readonly byte* _base;
    private volatile bool _disposed;

    /// <summary>How many memories exist that were not disposed; a test for leaks reads it before and after.</summary>
    public static long LiveCount => Interlocked.Read(ref _liveCount);

    /// <summary>The ranges that are backed, by ascending address, without overlap.</summary>
    public IReadOnlyList<MemoryRange> Ranges => _ranges;

    /// <summary>Bytes of RAM in all ranges.</summary>
    public ulong RamBytes { get; }

    /// <summary>The address behind the last backed one, as a number: it may be 2^52.</summary>
    public ulong End => _ranges[^1].End;

    /// <summary>Creates a memory of one RAM range from address 0.</summary>
    /// <param name="ramBytes">Bytes of RAM, a positive multiple of 4 KiB.</param>
    /// <returns>The memory, all zero.</returns>
    /// <exception cref="ArgumentException">Zero, not a multiple of 4 KiB, or beyond 2^52.</exception>
    /// <exception cref="InsufficientMemoryException">The host has no address space of that size.</exception>
    /// <example><code>
    /// using PhysicalMemory small = PhysicalMemory.Create(1 * MiB);
    /// Console.WriteLine(small.Ranges[0]);                     // 0-100000 Ram
    /// </code></example>
    public static PhysicalMemory Create(ulong ramBytes) => new([new MemoryRange(0UL, ramBytes)]);

    /// <summary>
    /// Creates a PC's memory: RAM from 0 to at most 3 GiB, the hole for devices up to 4 GiB, the rest of the RAM from 4 GiB on.
    /// </summary>
    /// <param name="ramBytes">Bytes of RAM in all, a positive multiple of 4 KiB.</param>
    /// <returns>The memory, all zero.</returns>
    /// <exception cref="ArgumentException">Zero, not a multiple of 4 KiB, or beyond 2^52.</exception>
    /// <exception cref="InsufficientMemoryException">The host has no address space of that size.</exception>
    /// <example><code>
    /// using PhysicalMemory pc = PhysicalMemory.CreatePc(8 * GiB);
    /// foreach (MemoryRange range in pc.Ranges) Console.WriteLine(range);  // 0-c0000000 Ram
    ///                                                                     // 100000000-240000000 Ram
    /// </code></example>
    public static PhysicalMemory CreatePc(ulong ramBytes)
    {
        const ulong holeStart = 3 * ByteSize.GiB;
        return ramBytes <= holeStart
            ? Create(ramBytes)
            : new([new MemoryRange(0UL, holeStart), new MemoryRange(4 * ByteSize.GiB, ramBytes - holeStart)]);
    }

    /// <summary>Creates a memory of the given ranges, in any order.</summary>
    /// <param name="ranges">RAM and ROM ranges: at least one, 4-KiB-aligned, not empty, not overlapping, below 2^52.</param>
    /// <param name="hugePages">
    /// Whether to advise 2-MiB pages on the host (Linux). Faster, but a touched page may then cost 2 MiB: switch it off for sparse images.
    /// </param>
    /// <exception cref="ArgumentException">A range is empty, unaligned, a hole, too high, or overlaps another.</exception>
    /// <exception cref="InsufficientMemoryException">The host has no address space of that size.</exception>
    public PhysicalMemory(IEnumerable<MemoryRange> ranges, bool hugePages = true)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        _ranges = [.. ranges.OrderBy(r => r.Start.Value)];
        if (_ranges.Length == 0) throw new ArgumentException("A memory needs at least one range.", nameof(ranges));
        ulong previousEnd = 0;
        foreach (MemoryRange range in _ranges)
        {
            if (range.Kind is not (MemoryKind.Ram or MemoryKind.Rom)) throw new ArgumentException($"Range {range} is neither RAM nor ROM.", nameof(ranges));
            if (range.Length == 0) throw new ArgumentException($"Range at {range.Start} is empty.", nameof(ranges));
            if (((range.Start.Value | range.Length) & 0xfff) != 0) throw new ArgumentException($"Range {range} is not a multiple of 4 KiB.", nameof(ranges));
            if (range.Length > PhysicalAddress.MaxValue + 1 - range.Start.Value) throw new ArgumentException($"Range at {range.Start} ends beyond 2^52.", nameof(ranges));
            if (range.Start.Value < previousEnd) throw new ArgumentException($"Range {range} overlaps the one before it.", nameof(ranges));
            previousEnd = range.End;
            if (range.Kind == MemoryKind.Ram) RamBytes += range.Length;
        }

        var segments = new MemorySegment[_ranges.Length];
        ulong windowEnd = 0;
        foreach (MemoryRange range in _ranges)
        {
            if (range.End <= MemoryMap.WindowLimit) windowEnd = range.End;
        }

        ulong next = (windowEnd + NativeRegion.Alignment - 1) & ~(NativeRegion.Alignment - 1);
        for (int i = 0; i < _ranges.Length; i++)
        {
            segments[i] = new(_ranges[i].Start.Value, _ranges[i].End, _ranges[i].Kind, _ranges[i].Start.Value);
            if (_ranges[i].End <= MemoryMap.WindowLimit) continue;

            // Same offset within 2 MiB, so that host huge pages can back guest large pages; an unused stretch keeps ranges apart.
            ulong skew = _ranges[i].Start.Value & (NativeRegion.Alignment - 1);
            segments[i] = segments[i] with { Offset = next + skew };
            next = (next + skew + _ranges[i].Length + (2 * NativeRegion.Alignment) - 1) & ~(NativeRegion.Alignment - 1);
        }

        _region = new NativeRegion(next);
        try
        {
            foreach (MemorySegment segment in segments) _region.Commit(segment.Offset, segment.End - segment.Start, hugePages);
        }
        catch
        {
            _region.Dispose();
            throw;
        }

        _base = _region.Base;
        _backing = _map = new MemoryMap(segments, (int)((windowEnd + (1UL << MemoryMap.ChunkShift) - 1) >> MemoryMap.ChunkShift));
        _chunks = _writeChunks = _map.Chunks;
        Interlocked.Increment(ref _liveCount);
    }

    /// <summary>Held by who changes bytes across a multiple of eight atomically, against others who do; no handler is called meanwhile.</summary>
    internal Lock SplitLock { get; } = new();

    /// <summary>Whether it was disposed. Who enters a host address anywhere asks afterwards.</summary>
    internal bool IsDisposed => _disposed;

    /// <summary>Called when the memory goes, perhaps while others use it: whoever holds host addresses must forget them.</summary>
    internal event Action? Disposing;

    /// <summary>What stands behind an address.</summary>
    /// <param name="address">The address.</param>
    /// <example><code>
    /// Console.WriteLine(memory.KindOf(0x1000));               // Ram
    /// Console.WriteLine(memory.KindOf(0xf_0000_0000));        // Rom
    /// Console.WriteLine(memory.KindOf(0xf000_0000));          // Hole
    /// </code></example>
    public MemoryKind KindOf(PhysicalAddress address)
    {
        MemoryMap map = CurrentMap();
        int index = map.Find(address.Value, out bool inside);
        return inside ? map.Segments[index].Kind : MemoryKind.Hole;
    }

    /// <summary>How many of some bytes have the same thing behind them as the first one.</summary>
    internal int StretchAt(ulong address, int wanted, out MemoryKind kind)
    {
        MemoryMap map = CurrentMap();
        int index = map.Find(address, out bool inside);
        kind = inside ? map.Segments[index].Kind : MemoryKind.Hole;
        return map.Stretch(index, inside, address, wanted);
    }

    /// <summary>Frees the memory. Idempotent. Every <see cref="Mmu"/> over it forgets what it cached.</summary>
    /// <remarks>
    /// Virtual CPUs on other threads may be in the middle of an access: it finds bytes of no meaning, or throws <see cref="ObjectDisposedException"/> as the
    /// next ones do. The bytes go back to the host at once; their addresses when the garbage collector finds that nobody refers to this or to an MMU over it.
    /// </remarks>
    public void Dispose() => Dispose<NoInterleavingPoints>();

    internal void Dispose<TPoints>() where TPoints : struct, IInterleavingPoints
    {
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            if (_disposed) return;
            _disposed = true;
            TPoints.Reach();
            // With no chunk left, every access takes the slow path, which knows that the memory is gone.
            _chunks = _writeChunks = [];
            _versions?.Dispose();
            _copies.Dispose();
        }

        // What others have entered into their tables before they could see that is visible from here on, and is forgotten now; what they enter
        // later they drop themselves.
        Interlocked.MemoryBarrierProcessWide();
        Disposing?.Invoke();
        _region.Retire();
        _guardRegion?.Retire();
        Interlocked.Decrement(ref _liveCount);
    }

    private MemoryMap CurrentMap()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _map;
    }
}
