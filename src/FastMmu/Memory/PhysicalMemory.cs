using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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
/// <see cref="Dispose()"/> must not race with accesses; afterwards every access throws <see cref="ObjectDisposedException"/>.</para>
/// </remarks>
/// <example><code>
/// var ram = new MemoryRange(0UL, 16 * MiB);
/// var rom = new MemoryRange(0xf_0000_0000, 64 * KiB, MemoryKind.Rom);
/// using var memory = new PhysicalMemory(new[] { ram, rom });
/// Console.WriteLine(memory.RamBytes / MiB);               // 16
/// </code></example>
public sealed unsafe class PhysicalMemory : IDisposable
{
    private const int ChunkShift = 21;
    private const ulong WindowLimit = 1UL << 40;
    private const byte ChunkIsRam = 1;

    private static long _liveCount;

    private readonly NativeRegion _region;
    private readonly MemoryRange[] _ranges;
    private readonly ulong[] _offsets;
    private byte[] _chunks;
    private byte* _base;

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

        _offsets = new ulong[_ranges.Length];
        ulong windowEnd = 0;
        foreach (MemoryRange range in _ranges)
        {
            if (range.End <= WindowLimit) windowEnd = range.End;
        }

        ulong next = (windowEnd + NativeRegion.Alignment - 1) & ~(NativeRegion.Alignment - 1);
        for (int i = 0; i < _ranges.Length; i++)
        {
            if (_ranges[i].End <= WindowLimit)
            {
                _offsets[i] = _ranges[i].Start.Value;
                continue;
            }

            // Same offset within 2 MiB, so that host huge pages can back guest large pages; an unused stretch keeps ranges apart.
            ulong skew = _ranges[i].Start.Value & (NativeRegion.Alignment - 1);
            _offsets[i] = next + skew;
            next = (next + skew + _ranges[i].Length + (2 * NativeRegion.Alignment) - 1) & ~(NativeRegion.Alignment - 1);
        }

        _region = new NativeRegion(next);
        try
        {
            for (int i = 0; i < _ranges.Length; i++) _region.Commit(_offsets[i], _ranges[i].Length, hugePages);
        }
        catch
        {
            _region.Dispose();
            throw;
        }

        _base = _region.Base;
        _chunks = BuildChunks(_ranges, windowEnd);
        Interlocked.Increment(ref _liveCount);
    }

    /// <summary>Called before the memory goes: whoever holds host addresses must forget them.</summary>
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
        int index = FindRange(address.Value);
        return index < 0 ? MemoryKind.Hole : _ranges[index].Kind;
    }

    /// <summary>A view of RAM or ROM bytes that lie in one range.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>The bytes themselves: writes go to the guest's memory, to ROM as well. Valid until <see cref="Dispose()"/>.</returns>
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
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(memory.TryGetSpan(0x2000, 4096, out Span&lt;byte&gt; page));        // True
    /// Console.WriteLine(memory.TryGetSpan(16 * MiB - 1, 2, out page));                // False
    /// </code></example>
    public bool TryGetSpan(PhysicalAddress address, int length, out Span<byte> span)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int index = FindRange(address.Value);
        if (index < 0 || (ulong)length > _ranges[index].End - address.Value)
        {
            span = default;
            return false;
        }

        span = new Span<byte>(_base + _offsets[index] + (address.Value - _ranges[index].Start.Value), length);
        return true;
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
    public T Read<T>(PhysicalAddress address) where T : unmanaged
    {
        byte* host = Find(address.Value, sizeof(T));
        return host != null ? Unsafe.ReadUnaligned<T>(host) : ReadSlowly<T>(address.Value);
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
    public void Write<T>(PhysicalAddress address, T value) where T : unmanaged
    {
        byte* host = Find(address.Value, sizeof(T));
        if (host != null) Unsafe.WriteUnaligned(host, value);
        else Write(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)));
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
    public void Read(PhysicalAddress address, Span<byte> destination)
    {
        ulong at = address.Value;
        while (!destination.IsEmpty)
        {
            int index = FindRangeAtOrAfter(at, out bool inside);
            int count = Stretch(index, inside, at, destination.Length);
            if (inside) new ReadOnlySpan<byte>(_base + _offsets[index] + (at - _ranges[index].Start.Value), count).CopyTo(destination);
            else destination[..count].Fill(0xff);
            destination = destination[count..];
            at += (ulong)count;
        }
    }

    /// <summary>Writes bytes as the guest would; those that fall on ROM or on nothing are dropped.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x2000, "hello"u8);
    /// Console.WriteLine((char)memory.Read&lt;byte&gt;(0x2004));     // o
    /// </code></example>
    public void Write(PhysicalAddress address, ReadOnlySpan<byte> source) => Store(address.Value, source, rom: false);

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
        ulong at = address.Value;
        ulong end = at + (ulong)source.Length;
        while (at < end)
        {
            int index = FindRange(at);
            if (index < 0) throw new ArgumentOutOfRangeException(nameof(address), $"No memory at 0x{at:x}.");
            at = _ranges[index].End;
        }

        Store(address.Value, source, rom: true);
    }

    /// <summary>Frees the memory. Idempotent. Every <see cref="Mmu"/> over it forgets what it cached.</summary>
    public void Dispose()
    {
        if (_base == null) return;
        Disposing?.Invoke();
        _base = null;
        // With no chunk left, every access takes the slow path, which knows that the memory is gone.
        _chunks = [];
        _region.Dispose();
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
        ulong chunk = address >> ChunkShift;
        if (chunk < (ulong)chunks.Length && Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks), (nint)chunk) == ChunkIsRam
            && (address & ((1UL << ChunkShift) - 1)) <= (1UL << ChunkShift) - (ulong)size)
        {
            return _base + address;
        }

        return FindSlowly(address, size);
    }

    /// <summary>Whether a 4-KiB page is RAM in the window, so that its host address is <see cref="WindowBase"/> plus the physical one.</summary>
    internal bool IsWindowRam(ulong page) => page < WindowLimit && Find(page, 4096) == _base + page;

    /// <summary>Reads a naturally aligned paging-structure entry of 8 bytes; all ones where there is no memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong ReadEntry64(ulong address)
    {
        byte* host = Find(address, 8);
        return host != null ? Volatile.Read(ref *(ulong*)host) : ReadSlowly<ulong>(address);
    }

    /// <summary>Reads a naturally aligned paging-structure entry of 4 bytes; all ones where there is no memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint ReadEntry32(ulong address)
    {
        byte* host = Find(address, 4);
        return host != null ? Volatile.Read(ref *(uint*)host) : ReadSlowly<uint>(address);
    }

    /// <summary>
    /// Replaces an entry of 8 bytes if it still holds <paramref name="expected"/>. Where there is no RAM the write is dropped, which is
    /// success: the entry that was read is the entry that will be read again.
    /// </summary>
    /// <returns>False only if the entry in RAM differs from <paramref name="expected"/>.</returns>
    internal bool CompareExchangeEntry64(ulong address, ulong expected, ulong value)
    {
        byte* host = Find(address, 8);
        return host == null || Interlocked.CompareExchange(ref *(ulong*)host, value, expected) == expected;
    }

    /// <summary>As <see cref="CompareExchangeEntry64"/>, for entries of 4 bytes.</summary>
    internal bool CompareExchangeEntry32(ulong address, uint expected, uint value)
    {
        byte* host = Find(address, 4);
        return host == null || Interlocked.CompareExchange(ref *(uint*)host, value, expected) == expected;
    }

    /// <summary>Sets bits of one byte of RAM atomically; dropped where there is no RAM.</summary>
    internal void OrByte(ulong address, byte bits)
    {
        ulong word = address & ~3UL;
        byte* host = Find(word, 4);
        if (host != null) Interlocked.Or(ref *(uint*)host, (uint)bits << (int)(8 * (address & 3)));
    }

    // RAM outside the window, in a chunk that it shares with something else, or across two chunks. Null: ROM, hole, or two ranges.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* FindSlowly(ulong address, int size)
    {
        int index = FindRange(address);
        if (index < 0 || _ranges[index].Kind != MemoryKind.Ram || (ulong)size > _ranges[index].End - address) return null;
        return _base + _offsets[index] + (address - _ranges[index].Start.Value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ReadSlowly<T>(ulong address) where T : unmanaged
    {
        T value = default;
        Read(PhysicalAddress.Truncate(address), MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    private void Store(ulong at, ReadOnlySpan<byte> source, bool rom)
    {
        while (!source.IsEmpty)
        {
            int index = FindRangeAtOrAfter(at, out bool inside);
            int count = Stretch(index, inside, at, source.Length);
            if (inside && (rom || _ranges[index].Kind == MemoryKind.Ram))
            {
                source[..count].CopyTo(new Span<byte>(_base + _offsets[index] + (at - _ranges[index].Start.Value), count));
            }

            source = source[count..];
            at += (ulong)count;
        }
    }

    // How many of `wanted` bytes from `at` share one range, or one hole.
    private int Stretch(int index, bool inside, ulong at, int wanted)
    {
        if (index == _ranges.Length) return wanted;
        ulong end = inside ? _ranges[index].End : _ranges[index].Start.Value;
        return (int)Math.Min((ulong)wanted, end - at);
    }

    private int FindRange(ulong address)
    {
        int index = FindRangeAtOrAfter(address, out bool inside);
        return inside ? index : -1;
    }

    // The first range that ends above the address, and whether it holds it.
    private int FindRangeAtOrAfter(ulong address, out bool inside)
    {
        ObjectDisposedException.ThrowIf(_base == null, this);
        MemoryRange[] ranges = _ranges;
        int low = 0, high = ranges.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (ranges[middle].End > address) high = middle;
            else low = middle + 1;
        }

        inside = low < ranges.Length && ranges[low].Start.Value <= address;
        return low;
    }

    private static byte[] BuildChunks(MemoryRange[] ranges, ulong windowEnd)
    {
        byte[] chunks = new byte[(windowEnd + (1UL << ChunkShift) - 1) >> ChunkShift];
        foreach (MemoryRange range in ranges)
        {
            if (range.Kind != MemoryKind.Ram || range.End > WindowLimit) continue;
            // Only chunks that are RAM from end to end; the last one of the region counts too where RAM fills it.
            ulong first = (range.Start.Value + (1UL << ChunkShift) - 1) >> ChunkShift;
            ulong last = range.End >> ChunkShift;
            if (first < last) chunks.AsSpan((int)first, (int)(last - first)).Fill(ChunkIsRam);
        }

        return chunks;
    }
}
