using System.Numerics;
using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>
/// Hands out the free frame with the lowest address, from one bit for each frame of RAM. The frame at address 0 is never handed out.
/// </summary>
/// <remarks>Costs 32 KiB for each GiB of RAM. Taking a frame costs its clearing, and a scan that resumes where the last one ended.</remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(16 * MiB);
/// var frames = new BitmapFrameAllocator(memory);
/// frames.Reserve(new PhysicalRange(0UL, 1 * MiB));
/// Console.WriteLine(frames.TryAllocate(out PhysicalAddress frame) ? frame : null);    // 0x100000
/// Console.WriteLine($"{frames.UsedFrames} of {frames.TotalFrames}");                  // 256 of 4095
/// </code></example>
public sealed class BitmapFrameAllocator : IFrameAllocator
{
    private const int FrameShift = 12;
    private const int FrameBytes = 1 << FrameShift;

    private readonly PhysicalMemory _memory;
    private readonly Pool[] _pools;
    private int _lowestPool;

    /// <summary>Creates an allocator of all RAM.</summary>
    /// <param name="memory">Where the frames are.</param>
    public BitmapFrameAllocator(PhysicalMemory memory)
        : this(memory, new PhysicalRange(0UL, PhysicalAddress.MaxValue + 1))
    {
    }

    /// <summary>Creates an allocator of the RAM in a range.</summary>
    /// <param name="memory">Where the frames are.</param>
    /// <param name="within">Only whole frames inside are handed out; it may include holes and ROM, which are passed over.</param>
    /// <exception cref="ArgumentException">There is no whole frame of RAM inside.</exception>
    public BitmapFrameAllocator(PhysicalMemory memory, PhysicalRange within)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        var pools = new List<Pool>();
        foreach (MemoryRange range in memory.Ranges)
        {
            if (range.Kind != MemoryKind.Ram) continue;
            ulong first = (Math.Max(range.Start.Value, within.Start.Value) + FrameBytes - 1) >> FrameShift;
            ulong end = Math.Min(range.End, within.End) >> FrameShift;
            if (first == 0) first = 1;
            if (first < end) pools.Add(new Pool(first, (long)(end - first)));
        }

        if (pools.Count == 0) throw new ArgumentException($"There is no frame of RAM in {within}.", nameof(within));
        _pools = [.. pools];
        TotalFrames = FreeFrames = _pools.Sum(p => p.Count);
    }

    /// <summary>How many frames there are, free or not.</summary>
    public long TotalFrames { get; }

    /// <summary>How many frames are free.</summary>
    public long FreeFrames { get; private set; }

    /// <summary>How many frames are handed out or reserved.</summary>
    public long UsedFrames => TotalFrames - FreeFrames;

    /// <summary>
    /// Takes the free frames that touch a range off the market, for contents that are already there. Each of them can be put back by <see cref="Free"/>.
    /// </summary>
    /// <param name="range">Any range; what is no frame of this allocator, or not free, is passed over.</param>
    /// <returns>How many frames were taken.</returns>
    /// <example><code>
    /// Console.WriteLine(frames.Reserve(new PhysicalRange(8 * MiB, 64 * KiB)));    // 16
    /// Console.WriteLine(frames.Reserve(new PhysicalRange(8 * MiB, 64 * KiB)));    // 0
    /// </code></example>
    public long Reserve(PhysicalRange range)
    {
        long taken = 0;
        if (range.Length == 0) return 0;
        ulong first = range.Start.Value >> FrameShift;
        ulong end = ((range.End - 1) >> FrameShift) + 1;
        foreach (Pool pool in _pools)
        {
            ulong from = Math.Max(first, pool.First);
            ulong to = Math.Min(end, pool.First + (ulong)pool.Count);
            for (ulong frame = from; frame < to; frame++)
            {
                if (pool.TryTake((long)(frame - pool.First))) taken++;
            }
        }

        FreeFrames -= taken;
        return taken;
    }

    /// <inheritdoc/>
    public bool TryAllocate(out PhysicalAddress frame, ulong limit = ulong.MaxValue)
    {
        frame = default;
        while (_lowestPool < _pools.Length)
        {
            Pool pool = _pools[_lowestPool];
            long index = pool.LowestFree();
            if (index < 0)
            {
                _lowestPool++;
                continue;
            }

            ulong address = (pool.First + (ulong)index) << FrameShift;
            // The lowest free frame: if it is too high, so are all others.
            if (address + FrameBytes > limit) return false;
            pool.TryTake(index);
            FreeFrames--;
            frame = address;
            _memory.Span(frame, FrameBytes).Clear();
            return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public void Free(PhysicalAddress frame)
    {
        if (!Owns(frame)) throw new ArgumentException($"Frame {frame} is not handed out.", nameof(frame));
        int index = PoolOf(frame.Value >> FrameShift);
        _pools[index].PutBack((long)((frame.Value >> FrameShift) - _pools[index].First));
        _lowestPool = Math.Min(_lowestPool, index);
        FreeFrames++;
    }

    /// <inheritdoc/>
    public bool Owns(PhysicalAddress frame)
    {
        if ((frame.Value & (FrameBytes - 1)) != 0) return false;
        int pool = PoolOf(frame.Value >> FrameShift);
        return pool >= 0 && !_pools[pool].IsFree((long)((frame.Value >> FrameShift) - _pools[pool].First));
    }

    private int PoolOf(ulong frame)
    {
        for (int i = 0; i < _pools.Length; i++)
        {
            if (frame >= _pools[i].First && frame - _pools[i].First < (ulong)_pools[i].Count) return i;
        }

        return -1;
    }

    // The frames of one RAM range; a set bit is a free frame.
    private sealed class Pool
    {
        private readonly ulong[] _free;
        private int _lowestWord;

        internal Pool(ulong first, long count)
        {
            First = first;
            Count = count;
            _free = new ulong[(count + 63) / 64];
            _free.AsSpan().Fill(ulong.MaxValue);
            if (count % 64 != 0) _free[^1] = (1UL << (int)(count % 64)) - 1;
        }

        internal ulong First { get; }

        internal long Count { get; }

        internal bool IsFree(long index) => ((_free[index >> 6] >> (int)(index & 63)) & 1) != 0;

        internal long LowestFree()
        {
            while (_lowestWord < _free.Length)
            {
                ulong word = _free[_lowestWord];
                if (word != 0) return ((long)_lowestWord << 6) + BitOperations.TrailingZeroCount(word);
                _lowestWord++;
            }

            return -1;
        }

        internal bool TryTake(long index)
        {
            if (!IsFree(index)) return false;
            _free[index >> 6] &= ~(1UL << (int)(index & 63));
            return true;
        }

        internal void PutBack(long index)
        {
            _free[index >> 6] |= 1UL << (int)(index & 63);
            _lowestWord = Math.Min(_lowestWord, (int)(index >> 6));
        }
    }
}
