using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Memory;

/// <content>What stands behind addresses, and how that changes while guests run.</content>
public sealed unsafe partial class PhysicalMemory
{
    private readonly Lock _mapLock = new();

    /// <summary>Called after the map has changed: whoever holds physical addresses as host addresses must forget them.</summary>
    internal event Action? MapChanged;

    /// <summary>What stands behind addresses now, by ascending address: RAM, ROM and devices. Addresses between are holes.</summary>
    public IReadOnlyList<MemoryRange> Layout
    {
        get
        {
            ReadOnlySpan<MemorySegment> segments = _map.Segments;
            var layout = new MemoryRange[segments.Length];
            for (int i = 0; i < layout.Length; i++) layout[i] = new(new(segments[i].Start), segments[i].End - segments[i].Start, segments[i].Kind);
            return layout;
        }
    }

    /// <summary>Puts a device before a range of addresses. What was there keeps its bytes, and is there again after <see cref="Unmap"/>.</summary>
    /// <param name="start">First address; any alignment.</param>
    /// <param name="length">Bytes, at least 1; the range ends at or below 2^52.</param>
    /// <param name="device">Who answers. Page tables are never read from it: they read as all ones.</param>
    /// <remarks>
    /// In force for the next access of every <see cref="Mmu"/> over this memory; one in an <see cref="MmuGroup"/> takes it at its next safe point, as a shootdown.
    /// Costs a copy of the map, and what is cached of it: for a processor's start and for its bridges' registers, not for a hot loop.
    /// Accesses to RAM cost the same with devices as without.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or ends above 2^52.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.MapDevice(0xfed0_0000, 4, new Counter());
    /// Console.WriteLine(memory.Read&lt;uint&gt;(0xfed0_0000));         // 1
    /// Console.WriteLine(memory.Read&lt;uint&gt;(0xfed0_0000));         // 2
    /// memory.Write(0xfed0_0000, 9);
    /// Console.WriteLine(memory.Read&lt;uint&gt;(0xfed0_0000));         // 10
    ///
    /// sealed class Counter : IMemoryDevice
    /// {
    ///     private ulong _count;
    ///     public ulong Read(in DeviceAccess access) => ++_count;
    ///     public void Write(in DeviceAccess access, ulong value) => _count = value;
    /// }
    /// </code></example>
    public void MapDevice(PhysicalAddress start, ulong length, IMemoryDevice device) => MapDevice<NoInterleavingPoints>(start, length, device);

    internal void MapDevice<TPoints>(PhysicalAddress start, ulong length, IMemoryDevice device) where TPoints : struct, IInterleavingPoints
    {
        ArgumentNullException.ThrowIfNull(device);
        ulong end = CheckRange(start, length);
        Replace<TPoints>(start.Value, end, [new(start.Value, end, MemoryKind.Device, 0, device, start.Value)]);
    }

    /// <summary>
    /// Makes backed addresses answer as RAM, as ROM, or not at all, as a bridge's shadowing registers do. The bytes stay; a device before them goes.
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="kind"><see cref="MemoryKind.Ram"/>, <see cref="MemoryKind.Rom"/> or <see cref="MemoryKind.Hole"/>. The former two leave holes alone: nothing is behind them.</param>
    /// <remarks>In force as <see cref="MapDevice"/> is.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or ends above 2^52, or the kind is another.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.LoadRom(0xf_0000_0000, "BIOS"u8);
    /// memory.SetKind(0xf_0000_0000, 64 * KiB, MemoryKind.Ram);        // shadow RAM: the same bytes, writable
    /// memory.Write(0xf_0000_0000, (byte)'b');
    /// memory.SetKind(0xf_0000_0000, 64 * KiB, MemoryKind.Rom);
    /// memory.Write(0xf_0000_0001, (byte)'i');                         // dropped
    /// Console.WriteLine(System.Text.Encoding.ASCII.GetString(memory.Span(0xf_0000_0000, 4)));     // bIOS
    /// </code></example>
    public void SetKind(PhysicalAddress start, ulong length, MemoryKind kind) => SetKind<NoInterleavingPoints>(start, length, kind);

    internal void SetKind<TPoints>(PhysicalAddress start, ulong length, MemoryKind kind) where TPoints : struct, IInterleavingPoints
    {
        if (kind is not (MemoryKind.Ram or MemoryKind.Rom or MemoryKind.Hole)) throw new ArgumentOutOfRangeException(nameof(kind), kind, "RAM, ROM or a hole.");
        ulong end = CheckRange(start, length);
        Replace<TPoints>(start.Value, end, kind == MemoryKind.Hole ? [] : _backing.Within(start.Value, end).Select(s => s with { Kind = kind }));
    }

    /// <summary>Takes devices and changes of kind away: addresses answer as when the memory was created.</summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <remarks>In force as <see cref="MapDevice"/> is.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or ends above 2^52.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.SetKind(0x8000, 4 * KiB, MemoryKind.Hole);
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0x8000));               // 255
    /// memory.Unmap(0x8000, 4 * KiB);
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0x8000));               // 0
    /// </code></example>
    public void Unmap(PhysicalAddress start, ulong length) => Unmap<NoInterleavingPoints>(start, length);

    internal void Unmap<TPoints>(PhysicalAddress start, ulong length) where TPoints : struct, IInterleavingPoints
    {
        ulong end = CheckRange(start, length);
        Replace<TPoints>(start.Value, end, _backing.Within(start.Value, end));
    }

    private static ulong CheckRange(PhysicalAddress start, ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, PhysicalAddress.MaxValue + 1 - start.Value);
        return start.Value + length;
    }

    private void Replace<TPoints>(ulong start, ulong end, IEnumerable<MemorySegment> inside) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Await(_mapLock);
        lock (_mapLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            SetMap<TPoints>(_map.With(start, end, inside));
        }

        TPoints.Reach();
        MapChanged?.Invoke();
    }

    // Nobody may find RAM without a search where the new map has none: the chunks go first and come back last.
    private void SetMap<TPoints>(MemoryMap map) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        _chunks = [];
        TPoints.Reach();
        _map = map;
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            // A memory that has gone meanwhile has none, and keeps none.
            if (!_disposed) _chunks = map.Chunks;
            UpdateWriteChunks();
        }
    }

    // One piece: as many bytes as there are up to the next multiple of eight.
    private static int ReadDevice(in MemorySegment segment, ulong at, Span<byte> destination, Access kind)
    {
        int size = Math.Min(8 - (int)(at & 7), destination.Length);
        ulong value = segment.Device!.Read(new(new(at), at - segment.DeviceStart, size, kind));
        for (int i = 0; i < size; i++) destination[i] = (byte)(value >> (8 * i));
        return size;
    }

    private static int WriteDevice(in MemorySegment segment, ulong at, ReadOnlySpan<byte> source)
    {
        int size = Math.Min(8 - (int)(at & 7), source.Length);
        ulong value = 0;
        for (int i = 0; i < size; i++) value |= (ulong)source[i] << (8 * i);
        segment.Device!.Write(new(new(at), at - segment.DeviceStart, size, Access.Write), value);
        return size;
    }
}
