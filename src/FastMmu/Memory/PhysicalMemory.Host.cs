using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Memory;

/// <content>Where bytes are in the host, and entries of paging structures there.</content>
public sealed unsafe partial class PhysicalMemory
{
    /// <summary>Where physical address 0 would be: host addresses of RAM in the window are this plus the physical address.</summary>
    internal byte* WindowBase => _base;

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
}
