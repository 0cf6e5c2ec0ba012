using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Memory;

/// <content>Reading and writing: values, bytes, views.</content>
public sealed unsafe partial class PhysicalMemory
{
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
}
