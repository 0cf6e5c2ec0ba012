using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Accesses, at the current privilege.</content>
public sealed unsafe partial class SoftTlb
{
    private const int PageBytes = 4096;
    private const int PagesOnStack = 64;

    /// <summary>Reads a value.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value; default if the access is refused.</param>
    /// <returns>Whether it was read. If not, the translator was asked for the part that it refused last.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryRead(0x1234, out int value));  // True
    /// Console.WriteLine(value);                               // 42
    /// Console.WriteLine(tlb.TryRead(0xfffe, out value));      // False
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead<T>(ulong linear, out T value) where T : unmanaged
    {
        if (_view->TryFind(linear, sizeof(T), PermissionTable.RowOf(Access.Read, Privilege), out ulong physical))
        {
            value = Unsafe.ReadUnaligned<T>(_base + physical);
            return true;
        }

        return TryReadSlowly(linear, out value);
    }

    /// <summary>Writes a value.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value.</param>
    /// <returns>Whether it was written. If not, no byte was, and the translator was asked for the part that it refused last.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryWrite(0x2000, 7L));            // True
    /// Console.WriteLine(tlb.TryWrite(0xfffc, 7L));            // False
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x10_fffc));        // 0
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWrite<T>(ulong linear, T value) where T : unmanaged
    {
        if (_view->TryFind(linear, sizeof(T), PermissionTable.RowOf(Access.Write, Privilege), out ulong physical))
        {
            Unsafe.WriteUnaligned(_base + physical, value);
            return true;
        }

        return TryWriteSlowly(linear, value);
    }

    /// <summary>Reads bytes: all of them, or none.</summary>
    /// <param name="linear">First byte. Behind the last address comes the first.</param>
    /// <param name="destination">Where they go; untouched if the access is refused.</param>
    /// <returns>Whether they were read.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// byte[] bytes = new byte[4];
    /// Console.WriteLine(tlb.TryRead(0x1234, bytes));          // True
    /// Console.WriteLine(bytes[0]);                            // 42
    /// </code></example>
    public bool TryRead(ulong linear, Span<byte> destination) => TryTransfer(linear, destination, default, Access.Read);

    /// <summary>Fetches instruction bytes: all of them, or none.</summary>
    /// <param name="linear">First byte. Behind the last address comes the first.</param>
    /// <param name="destination">Where they go; untouched if the access is refused.</param>
    /// <returns>Whether they were fetched.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryFetch(0x1234, new byte[4]));   // True
    /// Console.WriteLine(tlb.TryFetch(0x1_0000, new byte[4])); // False
    /// </code></example>
    public bool TryFetch(ulong linear, Span<byte> destination) => TryTransfer(linear, destination, default, Access.Execute);

    /// <summary>Writes bytes: all of them, or none.</summary>
    /// <param name="linear">First byte. Behind the last address comes the first.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>Whether they were written.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryWrite(0x1ffe, "page"u8));      // True
    /// Console.WriteLine(System.Text.Encoding.ASCII.GetString(memory.Span(0x10_1ffe, 4)));     // page
    /// </code></example>
    public bool TryWrite(ulong linear, ReadOnlySpan<byte> source) => TryTransfer(linear, default, source, Access.Write);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReadSlowly<T>(ulong linear, out T value) where T : unmanaged
    {
        value = default;
        if ((int)(linear & (PageBytes - 1)) > PageBytes - sizeof(T))
        {
            T read = default;
            bool done = TryTransfer(linear, MemoryMarshal.AsBytes(new Span<T>(ref read)), default, Access.Read);
            value = read;
            return done;
        }

        if (!TryTranslateSlowly(linear, Access.Read, Privilege, out ulong physical)) return false;
        value = _memory.Read<T>(PhysicalAddress.Truncate(physical));
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWriteSlowly<T>(ulong linear, T value) where T : unmanaged
    {
        if ((int)(linear & (PageBytes - 1)) > PageBytes - sizeof(T))
        {
            return TryTransfer(linear, default, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)), Access.Write);
        }

        if (!TryTranslateSlowly(linear, Access.Write, Privilege, out ulong physical)) return false;
        _memory.Write(PhysicalAddress.Truncate(physical), value);
        return true;
    }

    // As the MMU's: every page is translated before a byte moves.
    private bool TryTransfer(ulong linear, Span<byte> destination, ReadOnlySpan<byte> source, Access access)
    {
        int length = destination.Length + source.Length;
        if (length == 0) return true;
        int pages = (int)(((long)(linear & (PageBytes - 1)) + length + PageBytes - 1) / PageBytes);
        ulong[]? rented = pages > PagesOnStack ? ArrayPool<ulong>.Shared.Rent(pages) : null;
        try
        {
            Span<ulong> physical = rented is null ? stackalloc ulong[PagesOnStack] : rented;
            ulong at = linear;
            for (int page = 0; page < pages; page++)
            {
                if (!TryTranslate(at, access, Privilege, out PhysicalAddress found)) return false;
                physical[page] = found.Value;
                at = (at & ~(ulong)(PageBytes - 1)) + PageBytes;
            }

            for (int page = 0, done = 0; page < pages; page++)
            {
                int count = Math.Min(length - done, PageBytes - (int)(physical[page] & (PageBytes - 1)));
                PhysicalAddress first = PhysicalAddress.Truncate(physical[page]);
                if (access == Access.Write) _memory.Write(first, source.Slice(done, count));
                else _memory.Load(first.Value, destination.Slice(done, count), access);
                done += count;
            }

            return true;
        }
        finally
        {
            if (rented is not null) ArrayPool<ulong>.Shared.Return(rented);
        }
    }
}
