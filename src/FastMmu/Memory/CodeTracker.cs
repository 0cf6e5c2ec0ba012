using System.Numerics;
using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>
/// Which bytes of guest memory somebody has translated, or keeps a copy of in another form: their next write is heard of before it lands. Made by
/// <see cref="PhysicalMemory.TrackCode"/>.
/// </summary>
/// <remarks>
/// <para>Marks are kept for blocks of <see cref="BlockBytes"/>. Writes of a page with marks ask for them, and find in some nanoseconds that
/// bytes are not marked; writes of other pages cost what they cost without.</para>
/// <para>Whoever writes marked bytes is heard of: virtual CPUs, their accessed and dirty bits, the embedder. The handler is called on the thread of the writer,
/// before the first byte changes, once for each stretch of marked blocks within a page, with exactly the bytes of it that are about to be written.
/// No lock is held: it may mark and unmark, read and write memory, and change the map; the write then goes on where the map says. What it throws comes out of the
/// write, which has not landed. The marks stay until they are taken away.</para>
/// <para>What was asked for as a <see cref="PhysicalMemory.Span"/> is written when it is asked for. A device or ROM in front of marked bytes takes the writes,
/// and nobody is told. A change of the map is no write: who makes it knows.</para>
/// <para>Thread-safe. A virtual CPU in an <see cref="MmuGroup"/> on another thread takes new marks at its next safe point: mark first, wait until
/// the group has taken part (<see cref="MmuMember.ShootDown"/> does), then read what is to be translated. Whoever is told of these bytes before he is done
/// with that begins again, with the mark and the wait: the write that he was told of may land after he has read.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// var writes = new List&lt;PhysicalRange&gt;();
/// using CodeTracker code = memory.TrackCode(writes.Add);
/// code.Mark(0x1f40, 200);                                     // a basic block was translated
/// memory.Write(0x1000, 1);                                    // the same page, other bytes: nobody is told
/// memory.Write(0x1f44, 0x90909090);
/// Console.WriteLine(string.Join(", ", writes));               // 1f44-1f48
/// </code></example>
public sealed unsafe class CodeTracker : IDisposable
{
    /// <summary>Bytes of a block: 64, as of a cache line.</summary>
    public const int BlockBytes = 64;

    private readonly PhysicalMemory _memory;
    private readonly NativeRegion _region;
    // For each page of the native region one bit a block.
    private readonly ulong* _marks;

    internal CodeTracker(PhysicalMemory memory, Action<PhysicalRange> written, NativeRegion region)
    {
        _memory = memory;
        Written = written;
        _region = region;
        _marks = (ulong*)region.Base;
    }

    internal PhysicalMemory Memory => _memory;

    internal Action<PhysicalRange> Written { get; }

    /// <summary>Marks the blocks that hold any of these bytes. Costs some nanoseconds where they are marked already, and up to some microseconds for the first of a page.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="length">Bytes. Those without RAM or ROM behind them are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range ends above 2^52.</exception>
    /// <exception cref="ObjectDisposedException">The memory or this was disposed.</exception>
    /// <example><code>
    /// code.Mark(0x5000, 1);
    /// Console.WriteLine(code.IsMarked(0x503f));                   // True
    /// Console.WriteLine(code.IsMarked(0x5040));                   // False
    /// </code></example>
    public void Mark(PhysicalAddress start, ulong length) => _memory.MarkCode(this, start, length);

    /// <summary>Takes the marks of blocks away that lie wholly in a range: what shares a block with other bytes may have been translated with those.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range ends above 2^52.</exception>
    /// <exception cref="ObjectDisposedException">The memory or this was disposed.</exception>
    /// <example><code>
    /// code.Mark(0x5000, 256);
    /// code.Unmark(0x5000, 100);
    /// Console.WriteLine(code.IsMarked(0x5000));                   // False
    /// Console.WriteLine(code.IsMarked(0x5040));                   // True
    /// </code></example>
    public void Unmark(PhysicalAddress start, ulong length) => _memory.UnmarkCode(this, start, length);

    /// <summary>Whether the block of a byte is marked.</summary>
    /// <param name="address">The byte.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// code.Mark(0x5000, 64);
    /// Console.WriteLine(code.IsMarked(0x5001));                   // True
    /// </code></example>
    public bool IsMarked(PhysicalAddress address) => _memory.IsCode(this, address);

    /// <summary>Takes all marks away. The handler is not called any more, but for writes that are under way on other threads.</summary>
    public void Dispose()
    {
        _memory.StopTracking(this);
        // Writers on other threads may still look at it; who looks keeps it alive.
        _region.Retire();
    }

    /// <summary>The marks of a page, by its number in the native region.</summary>
    internal ulong this[ulong page]
    {
        get => Volatile.Read(ref _marks[page]);
        set => Volatile.Write(ref _marks[page], value);
    }

    /// <summary>The first stretch of marked bytes of a page at or behind <paramref name="from"/>.</summary>
    /// <param name="page">The number of the page in the native region.</param>
    /// <param name="from">An offset in the page; receives where the stretch begins.</param>
    /// <param name="end">The offset behind the last byte of interest; receives where the stretch ends.</param>
    internal bool TryFindMarked(ulong page, ref int from, ref int end)
    {
        ulong marks = this[page] & (ulong.MaxValue << (from / BlockBytes));
        if (marks == 0) return false;
        int first = BitOperations.TrailingZeroCount(marks);
        if (first * BlockBytes >= end) return false;
        int last = first + BitOperations.TrailingZeroCount(~(marks >> first));
        from = Math.Max(from, first * BlockBytes);
        end = Math.Min(end, last * BlockBytes);
        return true;
    }
}
