using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Processor;

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

    /// <summary>Where physical address 0 would be: host addresses of RAM in the window are this plus the physical address.</summary>
    internal byte* WindowBase => _base;

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

    /// <summary>A view of RAM or ROM bytes that lie in one range.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>The bytes themselves: writes go to the guest's memory, to ROM as well. Valid until <see cref="Dispose()"/>.</returns>
    /// <remarks>Counts as a write of them (<see cref="StartDirtyLog"/>); <see cref="TryGetReadOnlySpan"/> does not.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">Some byte is not backed, or the bytes lie in two ranges.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Span(0x2000, 16).Fill(0x11);
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x200c).ToString("x"));      // 11111111
    /// </code></example>
    public Span<byte> Span(PhysicalAddress address, int length) => TryGetSpan(address, length, out Span<byte> span)
        ? span
        : throw new ArgumentOutOfRangeException(nameof(address), $"{length} bytes at {address} are not backed by one range of memory.");

    /// <summary>A view of RAM or ROM bytes, if they all lie in one range.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes; negative is refused.</param>
    /// <param name="span">The bytes themselves, or empty.</param>
    /// <returns>Whether all bytes are backed by one range.</returns>
    /// <remarks>Counts as a write of them (<see cref="StartDirtyLog"/>); <see cref="TryGetReadOnlySpan"/> does not.</remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(memory.TryGetSpan(0x2000, 4096, out Span&lt;byte&gt; page));        // True
    /// Console.WriteLine(memory.TryGetSpan(16 * MiB - 1, 2, out page));                // False
    /// </code></example>
    public bool TryGetSpan(PhysicalAddress address, int length, out Span<byte> span)
    {
        byte* host = FindBytes(address.Value, length, out _);
        span = host == null ? default : new Span<byte>(host, length);
        if (host == null) return false;
        if (_guards == null || !BeforeWrite<NoInterleavingPoints>((ulong)(host - _base), address.Value, (ulong)length)) return true;
        host = FindBytes(address.Value, length, out _);
        span = host == null ? default : span;
        return host != null;
    }

    /// <summary>A view of RAM or ROM bytes for reading, if they all lie in one range.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes; negative is refused.</param>
    /// <param name="span">The bytes themselves, or empty. It shows what is written later.</param>
    /// <returns>Whether all bytes are backed by one range.</returns>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x2000, (byte)7);
    /// Console.WriteLine(memory.TryGetReadOnlySpan(0x2000, 4096, out ReadOnlySpan&lt;byte&gt; page));       // True
    /// Console.WriteLine(page[0]);                             // 7
    /// </code></example>
    public bool TryGetReadOnlySpan(PhysicalAddress address, int length, out ReadOnlySpan<byte> span)
    {
        byte* host = FindBytes(address.Value, length, out _);
        span = host == null ? default : new ReadOnlySpan<byte>(host, length);
        return host != null;
    }

    /// <summary>Reads a value as the guest would.</summary>
    /// <typeparam name="T">A blittable type; little-endian as x86 is.</typeparam>
    /// <param name="address">First byte; any alignment.</param>
    /// <returns>The value; bytes without memory behind them are all ones.</returns>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(memory.Read&lt;uint&gt;(0x2000));                           // 0
    /// Console.WriteLine(memory.Read&lt;uint&gt;(0xf000_0000).ToString("x"));        // ffffffff
    /// Console.WriteLine(memory.Read&lt;uint&gt;(16 * MiB - 2).ToString("x"));       // ffff0000
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Read<T>(PhysicalAddress address) where T : unmanaged => Read<T, NoInterleavingPoints>(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T Read<T, TPoints>(PhysicalAddress address)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        byte* host = Find(address.Value, sizeof(T));
        if (host == null) return ReadSlowly<T, TPoints>(address.Value);
        TPoints.Reach();
        return Unsafe.ReadUnaligned<T>(host);
    }

    /// <summary>Writes a value as the guest would.</summary>
    /// <typeparam name="T">A blittable type; little-endian as x86 is.</typeparam>
    /// <param name="address">First byte; any alignment.</param>
    /// <param name="value">The value; bytes that fall on ROM or on nothing are dropped.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x2000, 0x1234_5678);
    /// memory.Write(0xf_0000_0000, 1);                         // ROM: dropped
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0x2001).ToString("x"));     // 56
    /// Console.WriteLine(memory.Read&lt;int&gt;(0xf_0000_0000));             // 0
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write<T>(PhysicalAddress address, T value) where T : unmanaged => Write<T, NoInterleavingPoints>(address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Write<T, TPoints>(PhysicalAddress address, T value)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        byte* host = FindForWrite<TPoints>(address.Value, sizeof(T));
        TPoints.Reach();
        if (host != null) Unsafe.WriteUnaligned(host, value);
        else Store<TPoints>(address.Value, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)), rom: false);
    }

    /// <summary>Reads bytes as the guest would; bytes without memory behind them, and those beyond 2^52, are all ones.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="destination">Where they go.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// byte[] bytes = new byte[4];
    /// memory.Read(16 * MiB - 2, bytes);
    /// Console.WriteLine(Convert.ToHexString(bytes));          // 0000FFFF
    /// </code></example>
    public void Read(PhysicalAddress address, Span<byte> destination) => Load(address.Value, destination, Access.Read);

    /// <summary>Writes bytes as the guest would; those that fall on ROM or on nothing are dropped.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x2000, "hello"u8);
    /// Console.WriteLine((char)memory.Read&lt;byte&gt;(0x2004));     // o
    /// </code></example>
    public void Write(PhysicalAddress address, ReadOnlySpan<byte> source) => Store<NoInterleavingPoints>(address.Value, source, rom: false);

    /// <summary>Writes bytes as the embedder: ROM takes them too.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="source">The bytes; every one must be backed.</param>
    /// <exception cref="ArgumentOutOfRangeException">Some byte is not backed.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.LoadRom(0xf_0000_0000, new byte[] { 0xf4 });     // hlt
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0xf_0000_0000).ToString("x"));      // f4
    /// </code></example>
    public void LoadRom(PhysicalAddress address, ReadOnlySpan<byte> source)
    {
        MemoryMap map = CurrentMap();
        ulong at = address.Value;
        ulong end = at + (ulong)source.Length;
        while (at < end)
        {
            int index = map.Find(at, out bool inside);
            if (!inside || map.Segments[index].Kind == MemoryKind.Device) throw new ArgumentOutOfRangeException(nameof(address), $"No memory at 0x{at:x}.");
            at = map.Segments[index].End;
        }

        Store<NoInterleavingPoints>(address.Value, source, rom: true);
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

    /// <summary>
    /// The host address of <paramref name="size"/> bytes of RAM, or null when they are not plain RAM within one 2-MiB chunk of the
    /// window: then the slow path decides. One compare, one load, one compare, one add.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Find(ulong address, int size)
    {
        byte[] chunks = _chunks;
        ulong chunk = address >> MemoryMap.ChunkShift;
        if (chunk < (ulong)chunks.Length && Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks), (nint)chunk) == MemoryMap.ChunkIsRam
            && (address & ((1UL << MemoryMap.ChunkShift) - 1)) <= (1UL << MemoryMap.ChunkShift) - (ulong)size)
        {
            return _base + address;
        }

        return FindSlowly(address, size);
    }

    /// <summary>Whether a 4-KiB page is RAM in the window, so that its host address is <see cref="WindowBase"/> plus the physical one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsWindowRam(ulong page)
    {
        byte[] chunks = _chunks;
        ulong chunk = page >> MemoryMap.ChunkShift;
        if (chunk < (ulong)chunks.Length && chunks[chunk] == MemoryMap.ChunkIsRam) return true;
        return page < MemoryMap.WindowLimit && FindSlowly(page, 4096) == _base + page;
    }

    /// <summary>Reads a naturally aligned paging-structure entry of 8 bytes; all ones where there is no memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong ReadEntry64(ulong address)
    {
        byte* host = Find(address, 8);
        return host != null ? Volatile.Read(ref *(ulong*)host) : ReadEntrySlowly<ulong>(address);
    }

    /// <summary>Reads a naturally aligned paging-structure entry of 4 bytes; all ones where there is no memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint ReadEntry32(ulong address)
    {
        byte* host = Find(address, 4);
        return host != null ? Volatile.Read(ref *(uint*)host) : ReadEntrySlowly<uint>(address);
    }

    /// <summary>
    /// Replaces an entry of 8 bytes if it still holds <paramref name="expected"/>. Where there is no RAM the write is dropped, which is
    /// success: the entry that was read is the entry that will be read again.
    /// </summary>
    /// <returns>False only if the entry in RAM differs from <paramref name="expected"/>.</returns>
    internal bool CompareExchangeEntry64(ulong address, ulong expected, ulong value)
    {
        byte* host = FindForWrite(address, 8);
        return host == null || Interlocked.CompareExchange(ref *(ulong*)host, value, expected) == expected;
    }

    /// <summary>As <see cref="CompareExchangeEntry64"/>, for entries of 4 bytes.</summary>
    internal bool CompareExchangeEntry32(ulong address, uint expected, uint value)
    {
        byte* host = FindForWrite(address, 4);
        return host == null || Interlocked.CompareExchange(ref *(uint*)host, value, expected) == expected;
    }

    /// <summary>Sets bits of one byte of RAM atomically; dropped where there is no RAM.</summary>
    internal void OrByte(ulong address, byte bits)
    {
        ulong word = address & ~3UL;
        byte* host = FindForWrite(word, 4);
        if (host != null) Interlocked.Or(ref *(uint*)host, (uint)bits << (int)(8 * (address & 3)));
    }

    /// <summary>Reads bytes as an access of a kind would, devices included.</summary>
    internal void Load(ulong at, Span<byte> destination, Access kind)
    {
        while (!destination.IsEmpty)
        {
            // Looked up anew for each piece: a device's handler may have changed the map.
            MemoryMap map = CurrentMap();
            int index = map.Find(at, out bool inside);
            int count = map.Stretch(index, inside, at, destination.Length);
            if (!inside)
            {
                destination[..count].Fill(0xff);
            }
            else
            {
                MemorySegment segment = map.Segments[index];
                if (segment.Kind == MemoryKind.Device) count = ReadDevice(in segment, at, destination[..count], kind);
                else new ReadOnlySpan<byte>(HostOf(in segment, at), count).CopyTo(destination);
            }

            destination = destination[count..];
            at += (ulong)count;
        }
    }

    // RAM outside the window, in a chunk that it shares with something else, or across two chunks. Null: no RAM, or two ranges.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* FindSlowly(ulong address, int size)
    {
        byte* host = FindBytes(address, size, out MemoryKind kind);
        return kind == MemoryKind.Ram ? host : null;
    }

    // The host address of RAM or ROM within one segment, or null.
    private byte* FindBytes(ulong address, int length, out MemoryKind kind)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        MemoryMap map = CurrentMap();
        int index = map.Find(address, out bool inside);
        kind = MemoryKind.Hole;
        if (!inside) return null;
        MemorySegment segment = map.Segments[index];
        kind = segment.Kind;
        return kind != MemoryKind.Device && (ulong)length <= segment.End - address ? HostOf(in segment, address) : null;
    }

    private byte* HostOf(in MemorySegment segment, ulong address) => _base + segment.Offset + (address - segment.Start);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ReadSlowly<T, TPoints>(ulong address)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        T value = default;
        Load(address & PhysicalAddress.MaxValue, MemoryMarshal.AsBytes(new Span<T>(ref value)), Access.Read);
        return value;
    }

    // Processors do not walk tables in devices: what stands there reads as from a hole, and no handler is called.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ReadEntrySlowly<T>(ulong address) where T : unmanaged
    {
        byte* host = FindBytes(address, sizeof(T), out _);
        T value = default;
        if (host != null) return Unsafe.ReadUnaligned<T>(host);
        MemoryMarshal.AsBytes(new Span<T>(ref value)).Fill(0xff);
        return value;
    }

    private void Store<TPoints>(ulong at, ReadOnlySpan<byte> source, bool rom) where TPoints : struct, IInterleavingPoints
    {
        int told = 0;
        while (!source.IsEmpty)
        {
            MemoryMap map = CurrentMap();
            int index = map.Find(at, out bool inside);
            int count = map.Stretch(index, inside, at, told == 0 ? source.Length : told);
            if (inside)
            {
                MemorySegment segment = map.Segments[index];
                if (segment.Kind == MemoryKind.Device)
                {
                    count = WriteDevice(in segment, at, source[..count]);
                }
                else if (rom || segment.Kind == MemoryKind.Ram)
                {
                    byte* host = HostOf(in segment, at);
                    if (told == 0 && _guards != null && BeforeWrite<TPoints>((ulong)(host - _base), at, (ulong)count))
                    {
                        // Somebody else's code ran: the same bytes once more, by the map as it is now.
                        told = count;
                        continue;
                    }

                    TPoints.Reach();
                    source[..count].CopyTo(new Span<byte>(host, count));
                }
            }

            told = 0;
            source = source[count..];
            at += (ulong)count;
        }
    }

    private MemoryMap CurrentMap()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _map;
    }
}
