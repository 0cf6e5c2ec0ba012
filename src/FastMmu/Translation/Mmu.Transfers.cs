using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu;

/// <content>
/// Bytes moved for whoever embeds the program: a system call's arguments, a debugger's windows. Faults are resolved by a handler, or end the transfer with the
/// count of what was done. No operand, so no alignment check; no fault is delivered, so CR2 stays.
/// </content>
public sealed unsafe partial class Mmu
{
    // More than one access can need: the page, its copy, a stack that grows.
    private const int MostFaults = 8;

    // Pages kept on the stack; more are rented.
    private const int PagesOnStack = 64;

    /// <summary>Reads bytes, as a kernel copies from a user.</summary>
    /// <param name="linear">First byte; any alignment, pages may be crossed. Behind the last address comes the first.</param>
    /// <param name="destination">Where they go. What lies behind <see cref="TransferResult.Bytes"/> is untouched.</param>
    /// <param name="options">How; by default as far as possible, for the running program.</param>
    /// <returns>How many bytes were read, and the fault of the next one. It is not delivered: CR2 is not touched.</returns>
    /// <remarks>The bytes are those that <see cref="TryRead{T}(LinearAddress, out T, out MmuFault)"/> would give one by one. Allocates nothing.</remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// byte[] bytes = new byte[16];
    /// Console.WriteLine(mmu.ReadBytes(0x2ff8UL, bytes));      // 8 bytes, then #PF(0) at 0x3000: not present at level 1
    /// </code></example>
    public TransferResult ReadBytes(LinearAddress linear, Span<byte> destination, TransferOptions options = default) =>
        Move(linear.Value, destination, default, Access.Read, in options);

    /// <summary>Writes bytes, as a kernel copies to a user.</summary>
    /// <param name="linear">First byte; any alignment, pages may be crossed. Behind the last address comes the first.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="options">How; by default as far as possible, for the running program.</param>
    /// <returns>How many bytes were written, and the fault of the next one. It is not delivered: CR2 is not touched.</returns>
    /// <remarks>
    /// As <see cref="TryWrite{T}(LinearAddress, T, out MmuFault)"/> would write them one by one; with <see cref="TransferOptions.AllOrNothing"/> all pages are translated
    /// before a byte is written, so that a write over the page's own table cannot send the rest elsewhere. Allocates nothing.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// mmu.SetCpl(3);
    /// byte[] bytes = new byte[16];
    /// Array.Fill(bytes, (byte)7);
    /// Console.WriteLine(mmu.WriteBytes(0x1ff8UL, bytes, new TransferOptions(AllOrNothing: true)));    // 0 bytes, then #PF(P|W|U) at 0x2000: write-protected page
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0x20_0fff));          // 0
    /// Console.WriteLine(mmu.WriteBytes(0x1ff8UL, bytes));     // 8 bytes, then #PF(P|W|U) at 0x2000: write-protected page
    /// Console.WriteLine(memory.Read&lt;byte&gt;(0x20_0fff));          // 7
    /// </code></example>
    public TransferResult WriteBytes(LinearAddress linear, ReadOnlySpan<byte> source, TransferOptions options = default) =>
        Move(linear.Value, default, source, Access.Write, in options);

    /// <summary>Reads bytes up to a zero byte.</summary>
    /// <param name="linear">First byte.</param>
    /// <param name="destination">Where they go, without the zero; its length is the limit. What lies behind <see cref="StringResult.Bytes"/> is undefined.</param>
    /// <param name="options">How. With <see cref="TransferOptions.AllOrNothing"/> a string that a fault cuts gives 0 bytes.</param>
    /// <returns>How many bytes were read, whether the zero was found, and else the fault that came first, if one did. CR2 is not touched.</returns>
    /// <remarks>No byte behind the zero is touched in a page behind it, nor in a device. Allocates nothing.</remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x20_0010, "init\0"u8);
    /// byte[] name = new byte[16];
    /// Console.WriteLine(mmu.ReadString(0x1010UL, name));              // 4 bytes
    /// Console.WriteLine(mmu.ReadString(0x1010UL, name.AsSpan(0, 3)));       // 3 bytes without an end
    /// </code></example>
    public StringResult ReadString(LinearAddress linear, Span<byte> destination, TransferOptions options = default)
    {
        Privilege privilege = options.Privilege ?? CurrentPrivilege;
        MmuFault resolved = MmuFault.None;
        int done = 0;
        while (done < destination.Length)
        {
            ulong at = linear.Value + (ulong)done;
            if (!TryTranslatePage(at, Access.Read, privilege, options.FaultHandler, ref resolved, out PhysicalAddress physical, out MmuFault fault))
            {
                return new(options.AllOrNothing ? 0 : done, false, fault);
            }

            int count = Math.Min(destination.Length - done, LeftInPage(at));
            // Only RAM may be read further than the program would.
            if (_memory.Find(physical.Value, count) == null) count = 1;
            Span<byte> piece = destination.Slice(done, count);
            _memory.Read(physical, piece);
            int end = piece.IndexOf((byte)0);
            if (end >= 0) return new(done + end, true, MmuFault.None);
            done += count;
        }

        return new(done, false, MmuFault.None);
    }

    /// <summary>Reads a string of UTF-8 that ends with a zero byte.</summary>
    /// <param name="linear">First byte.</param>
    /// <param name="limit">Bytes that it may have without the zero; not negative.</param>
    /// <param name="text">The string, or as much of it as comes before the fault or the limit. What is no UTF-8 becomes U+FFFD.</param>
    /// <param name="options">How.</param>
    /// <returns>As <see cref="ReadString(LinearAddress, Span{byte}, TransferOptions)"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x20_0ff8, "/bin/žluť\0"u8);               // over the end of the page
    /// Console.WriteLine(mmu.ReadString(0x1ff8UL, 4096, out string path));     // 11 bytes
    /// Console.WriteLine(path);                                // /bin/žluť
    /// memory.Write(0x20_1ffd, "cut"u8);
    /// Console.WriteLine(mmu.ReadString(0x2ffdUL, 4096, out string cut));      // 3 bytes, then #PF(0) at 0x3000: not present at level 1
    /// Console.WriteLine(cut);                                 // cut
    /// </code></example>
    [SkipLocalsInit]
    public StringResult ReadString(LinearAddress linear, int limit, out string text, TransferOptions options = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        Span<byte> bytes = stackalloc byte[512];
        byte[]? rented = null;
        try
        {
            // A limit is often much more than a string has.
            StringResult result = ReadString(linear, bytes[..Math.Min(limit, bytes.Length)], options);
            for (int done = result.Bytes; !result.IsTerminated && !result.Fault.IsFault && done < limit; done = result.Bytes)
            {
                byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(limit, 8L * done));
                bytes[..done].CopyTo(larger);
                if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
                bytes = rented = larger;
                StringResult rest = ReadString(linear + (ulong)done, bytes[done..Math.Min(limit, bytes.Length)], options);
                result = rest with { Bytes = rest.Fault.IsFault && options.AllOrNothing ? 0 : done + rest.Bytes };
            }

            text = Encoding.UTF8.GetString(bytes[..result.Bytes]);
            return result;
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Where an access to one page goes, once the handler has done what it can.</summary>
    /// <param name="linear">The address.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="handler">Who resolves faults, or null.</param>
    /// <param name="resolved">Receives the last fault that the handler resolved, if it did any.</param>
    /// <param name="physical">The physical address.</param>
    /// <param name="fault">The fault that stays, or none.</param>
    internal bool TryTranslatePage(
        ulong linear, Access access, Privilege privilege, IFaultHandler? handler, ref MmuFault resolved, out PhysicalAddress physical, out MmuFault fault)
    {
        // What is cached is found by the address that the tables see.
        if (!_context.State.Efer.Lma) linear = (uint)linear;
        for (int tries = 0; ; tries++)
        {
            Translation translation = TranslateCore(linear, access, privilege, stack: false);
            physical = translation.Physical;
            fault = translation.Fault;
            if (!fault.IsFault) return true;
            if (handler is null || tries == MostFaults || !handler.TryResolve(this, fault)) return false;
            resolved = fault;
        }
    }

    private static int LeftInPage(ulong linear) => PageBytes - (int)(linear & (PageBytes - 1));

    private static int PagesOf(ulong linear, int length) =>
        length == 0 ? 0 : (int)(((long)(linear & (PageBytes - 1)) + length + PageBytes - 1) / PageBytes);

    // A read has a destination and a write a source, never both.
    private TransferResult Move(ulong linear, Span<byte> destination, ReadOnlySpan<byte> source, Access access, in TransferOptions options)
    {
        if (options.AllOrNothing) return MoveAll(linear, destination, source, access, in options);
        Privilege privilege = options.Privilege ?? CurrentPrivilege;
        int length = destination.Length + source.Length;
        MmuFault fault = MmuFault.None, resolved = MmuFault.None;
        int done = 0;
        while (done < length)
        {
            ulong at = linear + (ulong)done;
            if (!TryTranslatePage(at, access, privilege, options.FaultHandler, ref resolved, out PhysicalAddress physical, out fault)) break;
            int count = Math.Min(length - done, LeftInPage(at));
            MovePiece(physical, destination, source, done, count, access);
            done += count;
        }

        return new(done, fault);
    }

    private void MovePiece(PhysicalAddress at, Span<byte> destination, ReadOnlySpan<byte> source, int done, int count, Access access)
    {
        if (access == Access.Write) _memory.Write(at, source.Slice(done, count));
        else _memory.Read(at, destination.Slice(done, count));
    }

    private TransferResult MoveAll(ulong linear, Span<byte> destination, ReadOnlySpan<byte> source, Access access, in TransferOptions options)
    {
        int length = destination.Length + source.Length;
        int pages = PagesOf(linear, length);
        ulong[]? rented = pages > PagesOnStack ? ArrayPool<ulong>.Shared.Rent(pages) : null;
        try
        {
            Span<ulong> physical = rented is null ? stackalloc ulong[PagesOnStack] : rented;
            physical = physical[..pages];
            if (!TryTranslateAll(linear, access, in options, physical, out MmuFault fault)) return new(0, fault);
            for (int page = 0, done = 0; page < pages; page++)
            {
                int count = Math.Min(length - done, LeftInPage(physical[page]));
                MovePiece(PhysicalAddress.Truncate(physical[page]), destination, source, done, count, access);
                done += count;
            }

            return new(length, MmuFault.None);
        }
        finally
        {
            if (rented is not null) ArrayPool<ulong>.Shared.Return(rented);
        }
    }

    // Resolving the fault of one page may take another one away: what counts is a pass in which nothing was resolved.
    private bool TryTranslateAll(ulong linear, Access access, in TransferOptions options, Span<ulong> physical, out MmuFault fault)
    {
        Privilege privilege = options.Privilege ?? CurrentPrivilege;
        fault = MmuFault.None;
        for (int pass = 0; pass < MostFaults; pass++)
        {
            MmuFault resolved = MmuFault.None;
            ulong at = linear;
            for (int page = 0; page < physical.Length; page++)
            {
                if (!TryTranslatePage(at, access, privilege, options.FaultHandler, ref resolved, out PhysicalAddress found, out fault)) return false;
                physical[page] = found.Value;
                at = (at & ~(ulong)(PageBytes - 1)) + PageBytes;
            }

            if (!resolved.IsFault) return true;
            fault = resolved;
        }

        return false;
    }
}
