using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>Data accesses and fetches by linear address.</content>
public sealed unsafe partial class Mmu
{
    private const int PageBytes = 4096;

    private CodeTracker? _codeTracker;

    /// <summary>Reads a value for the running program.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the value was read.</returns>
    /// <example><code>
    /// memory.Write(0x20_0010, 42);
    /// if (mmu.TryRead(0x1010UL, out int value, out MmuFault fault)) Console.WriteLine(value);   // 42
    /// if (!mmu.TryRead(0x3010UL, out value, out fault)) Console.WriteLine(fault);               // #PF(0) at 0x3010: not present at level 1
    /// </code></example>
    public bool TryRead<T>(LinearAddress linear, out T value, out MmuFault fault) where T : unmanaged =>
        TryReadAs(linear.Value, CurrentPrivilege, stack: false, out value, out fault);

    /// <summary>Writes a value for the running program.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value.</param>
    /// <param name="fault">The fault, or none. A write that faults has changed no byte.</param>
    /// <returns>Whether the value was written.</returns>
    /// <example><code>
    /// mmu.SetCpl(3);
    /// Console.WriteLine(mmu.TryWrite(0x1010UL, 42, out MmuFault fault));          // True
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x20_0010));                             // 42
    /// // Bytes 0x1ffe and 0x1fff could be written, but the page behind them cannot: no byte is.
    /// Console.WriteLine(mmu.TryWrite(0x1ffeUL, -1, out fault));                   // False
    /// Console.WriteLine(fault);                                                   // #PF(P|W|U) at 0x2000: write-protected page
    /// Console.WriteLine(memory.Read&lt;short&gt;(0x20_0ffe));                           // 0
    /// </code></example>
    public bool TryWrite<T>(LinearAddress linear, T value, out MmuFault fault) where T : unmanaged =>
        TryWriteAs(linear.Value, value, CurrentPrivilege, stack: false, out fault);

    /// <summary>Reads bytes for the running program: all of them, or none.</summary>
    /// <param name="linear">First byte.</param>
    /// <param name="destination">Where they go; untouched if the access faults.</param>
    /// <param name="fault">The fault of the first part that is refused, or none.</param>
    /// <returns>Whether the bytes were read.</returns>
    /// <example><code>
    /// memory.Write(0x20_0ffc, "over the border"u8);           // 0x2000 lies behind 0x1fff, here in physical memory too
    /// Span&lt;byte&gt; text = new byte[15];
    /// mmu.TryRead(0x1ffcUL, text, out MmuFault fault);
    /// Console.WriteLine(System.Text.Encoding.ASCII.GetString(text));      // over the border
    /// </code></example>
    public bool TryRead(LinearAddress linear, Span<byte> destination, out MmuFault fault) =>
        TryTransfer(linear.Value, destination, default, Access.Read, CurrentPrivilege, stack: false, out fault);

    /// <summary>Writes bytes for the running program: all of them, or none.</summary>
    /// <param name="linear">First byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="fault">The fault of the first part that is refused, or none.</param>
    /// <returns>Whether the bytes were written.</returns>
    /// <example><code>
    /// byte[] zeros = new byte[8192];
    /// mmu.SetCpl(3);
    /// Console.WriteLine(mmu.TryWrite(0x1000UL, zeros.AsSpan(0, 4096), out MmuFault fault));   // True
    /// Console.WriteLine(mmu.TryWrite(0x1000UL, zeros, out fault));                            // False
    /// Console.WriteLine(fault.Address.ToString("x"));                                         // 2000
    /// </code></example>
    public bool TryWrite(LinearAddress linear, ReadOnlySpan<byte> source, out MmuFault fault) =>
        TryTransfer(linear.Value, default, source, Access.Write, CurrentPrivilege, stack: false, out fault);

    /// <summary>
    /// Reads a value that the same instruction will write back: the right to write is checked first, accessed and dirty are set, and the
    /// error code of a fault says write. The write that follows cannot fault.
    /// </summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the value was read.</returns>
    /// <example><code>
    /// // lock inc dword [0x1010]
    /// if (mmu.TryReadForUpdate(0x1010UL, out int value, out MmuFault fault)) mmu.TryWrite(0x1010UL, value + 1, out fault);
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x20_0010));         // 1
    /// </code></example>
    public bool TryReadForUpdate<T>(LinearAddress linear, out T value, out MmuFault fault) where T : unmanaged
    {
        T read = default;
        bool done = TryTransfer(
            linear.Value, MemoryMarshal.AsBytes(new Span<T>(ref read)), default, Access.Write, CurrentPrivilege, stack: false, out fault);
        value = read;
        return done;
    }

    /// <summary>
    /// Fetches instruction bytes at the current privilege: as many of those wanted as can be had before the first page that refuses.
    /// A decoder that needs more than it got raises <paramref name="fault"/>; one that does not, ignores it.
    /// </summary>
    /// <param name="linear">First byte.</param>
    /// <param name="destination">Where they go; at most 15 are ever needed for an instruction.</param>
    /// <param name="fault">The fault of the first byte that could not be had, or none if all could. CR2 is not touched until it is raised by <see cref="RaiseFetchFault"/>.</param>
    /// <returns>How many bytes were fetched.</returns>
    /// <example><code>
    /// memory.Write(0x20_1ffe, new byte[] { 0xb8, 0x2a });     // the first bytes of mov eax, imm32; no page follows
    /// byte[] bytes = new byte[15];
    /// int count = mmu.Fetch(0x2ffeUL, bytes, out MmuFault fault);
    /// Console.WriteLine($"{count} bytes, then {fault}");      // 2 bytes, then #PF(I) at 0x3000: not present at level 1
    /// </code></example>
    public int Fetch(LinearAddress linear, Span<byte> destination, out MmuFault fault)
    {
        int done = 0;
        fault = MmuFault.None;
        while (done < destination.Length)
        {
            ulong at = linear.Value + (ulong)done;
            Translation translation = TranslateCore(at, Access.Execute, CurrentPrivilege, stack: false);
            if (!translation.Ok)
            {
                fault = translation.Fault;
                break;
            }

            int count = Math.Min(destination.Length - done, PageBytes - (int)(at & (PageBytes - 1)));
            // Before the bytes are read: a write that comes later is heard of.
            CodeTracker?.Mark(translation.Physical, (ulong)count);
            Span<byte> bytes = destination.Slice(done, count);
            _memory.Load(translation.Physical.Value, bytes, Access.Execute);
            WatchMap? watches = WatchesOf(at, 1, Access.Execute, CurrentPrivilege);
            if (watches is not null)
            {
                var piece = new WatchedPiece(
                    Access.Execute, Prepared(at, Access.Execute, CurrentPrivilege), translation.Physical.Value, linear.Value, destination.Length);
                if (!Tell(watches, in piece, bytes, default, out _, out int refused, out fault)) return done + refused;
            }

            done += count;
        }

        return done;
    }

    /// <summary>
    /// Where <see cref="Fetch"/> and <see cref="FetchCode"/> mark the bytes that they hand out, if anywhere: a translator that reads code through them hears of
    /// its changes without more ado. Null at first.
    /// </summary>
    /// <exception cref="ArgumentException">The tracker is another memory's.</exception>
    public CodeTracker? CodeTracker
    {
        get => _codeTracker;
        set
        {
            if (value is not null && value.Memory != _memory) throw new ArgumentException("The tracker is another memory's.", nameof(value));
            _codeTracker = value;
        }
    }

    /// <summary>Delivers a fault that <see cref="Fetch"/> reported, because the instruction does need the byte: sets <see cref="Cr2"/>.</summary>
    /// <param name="fault">The fault.</param>
    /// <example><code>
    /// mmu.Fetch(0x2fffUL, new byte[15], out MmuFault fault);
    /// Console.WriteLine(mmu.Cr2.ToString("x"));               // 0
    /// mmu.RaiseFetchFault(fault);                             // the instruction was longer than one byte
    /// Console.WriteLine(mmu.Cr2.ToString("x"));               // 3000
    /// </code></example>
    public void RaiseFetchFault(MmuFault fault) => NoteFault(fault);

    private bool AlignmentChecks => _alignmentMask != 0;

    private Privilege CurrentPrivilege => _context.State.CurrentPrivilege;

    // The probe that a JIT may inline: page, context, rights, RAM and the end of the page decide in one compare, then alignment.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindHost(ulong linear, int size, int row, out byte* host)
    {
        bool found = _view->TryFind(linear, size, row, out ulong physical);
        host = _base + physical;
        return found && (size == 1 || (linear & (uint)(size - 1) & _alignmentMask) == 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadAs<T>(ulong linear, Privilege privilege, bool stack, out T value, out MmuFault fault) where T : unmanaged =>
        TryReadAs<T, NoInterleavingPoints>(linear, privilege, stack, out value, out fault);

    internal bool TryReadAs<T, TPoints>(ulong linear, Privilege privilege, bool stack, out T value, out MmuFault fault)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        if (TryFindHost(linear, sizeof(T), PermissionTable.RowOf(Access.Read, privilege), out byte* host))
        {
            TPoints.Reach();
            value = Unsafe.ReadUnaligned<T>(host);
            fault = MmuFault.None;
            return true;
        }

        return TryReadSlowly<T, TPoints>(linear, privilege, stack, out value, out fault);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReadSlowly<T, TPoints>(ulong linear, Privilege privilege, bool stack, out T value, out MmuFault fault)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        if (!AlignmentChecks && (int)(linear & (PageBytes - 1)) <= PageBytes - sizeof(T))
        {
            Translation translation = TranslateSlowly<TPoints>(linear, Access.Read, privilege, stack);
            if (translation.Ok)
            {
                value = _memory.Read<T, TPoints>(translation.Physical);
                fault = MmuFault.None;
                WatchMap? watches = WatchesOf(linear, sizeof(T), Access.Read, privilege);
                if (watches is null || TellRead(watches, linear, privilege, translation.Physical.Value, ref value, out fault)) return true;
            }
            else
            {
                fault = translation.Fault;
            }

            NoteFault(fault);
            value = default;
            return false;
        }

        T read = default;
        bool done = TryTransfer(linear, MemoryMarshal.AsBytes(new Span<T>(ref read)), default, Access.Read, privilege, stack, out fault);
        value = read;
        return done;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWriteAs<T>(ulong linear, T value, Privilege privilege, bool stack, out MmuFault fault) where T : unmanaged =>
        TryWriteAs<T, NoInterleavingPoints>(linear, value, privilege, stack, out fault);

    internal bool TryWriteAs<T, TPoints>(ulong linear, T value, Privilege privilege, bool stack, out MmuFault fault)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        if (TryFindHost(linear, sizeof(T), PermissionTable.RowOf(Access.Write, privilege), out byte* host))
        {
            TPoints.Reach();
            Unsafe.WriteUnaligned(host, value);
            fault = MmuFault.None;
            return true;
        }

        return TryWriteSlowly<T, TPoints>(linear, value, privilege, stack, out fault);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWriteSlowly<T, TPoints>(ulong linear, T value, Privilege privilege, bool stack, out MmuFault fault)
        where T : unmanaged
        where TPoints : struct, IInterleavingPoints
    {
        if (!AlignmentChecks && (int)(linear & (PageBytes - 1)) <= PageBytes - sizeof(T))
        {
            Translation translation = TranslateSlowly<TPoints>(linear, Access.Write, privilege, stack);
            if (translation.Ok)
            {
                fault = MmuFault.None;
                WatchMap? watches = WatchesOf(linear, sizeof(T), Access.Write, privilege);
                if (watches is null)
                {
                    _memory.Write<T, TPoints>(translation.Physical, value);
                    return true;
                }

                if (TellAndWrite(watches, linear, privilege, translation.Physical, value, out fault)) return true;
            }
            else
            {
                fault = translation.Fault;
            }

            NoteFault(fault);
            return false;
        }

        return TryTransfer(linear, default, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)), Access.Write, privilege, stack, out fault);
    }

    // Every page is checked before a byte moves, and the physical addresses found are the ones used: a write over the page's own
    // table cannot send the rest elsewhere. `destination` and `source` are never both given; a write with `destination` is an update's read.
    // `wrap` is the highest linear address that the access can reach before it goes on at 0.
    private bool TryTransfer(
        ulong linear, Span<byte> destination, ReadOnlySpan<byte> source, Access access, Privilege privilege, bool stack, out MmuFault fault,
        ulong wrap = ulong.MaxValue)
    {
        int length = destination.Length + source.Length;
        fault = MmuFault.None;
        if (length == 0) return true;
        int first = (int)(linear & (PageBytes - 1));
        int pages = (int)(((long)first + length + PageBytes - 1) / PageBytes);
        ulong[]? rented = pages > 64 ? ArrayPool<ulong>.Shared.Rent(pages) : null;
        Span<ulong> physical = rented is null ? stackalloc ulong[64] : rented;
        physical = physical[..pages];
        bool translated = TryTranslatePages(linear, length, access, privilege, stack, wrap, physical, out fault);
        WatchMap? watches = translated ? WatchesOf(linear, length, destination.IsEmpty ? Access.Write : Access.Read, privilege, wrap) : null;
        if (watches is not null)
        {
            translated = TransferWatched(watches, linear, destination, source, privilege, physical, wrap, out fault);
            NoteFault(fault);
        }
        else if (translated)
        {
            for (int page = 0, done = 0; page < pages; page++)
            {
                int count = Math.Min(length - done, PageBytes - (int)(physical[page] & (PageBytes - 1)));
                PhysicalAddress at = PhysicalAddress.Truncate(physical[page]);
                if (destination.IsEmpty) _memory.Write(at, source.Slice(done, count));
                else _memory.Read(at, destination.Slice(done, count));
                done += count;
            }
        }
        else
        {
            NoteFault(fault);
        }

        if (rented is not null) ArrayPool<ulong>.Shared.Return(rented);
        return translated;
    }

    private bool TryTranslatePages(
        ulong linear, int length, Access access, Privilege privilege, bool stack, ulong wrap, Span<ulong> physical, out MmuFault fault)
    {
        // Address checks come before paging for the whole access, and alignment is known before A and D are set.
        ulong last = (linear + (ulong)length - 1) & wrap;
        if (!_rules.TryPrepare(ref last, access, privilege, stack, out fault))
        {
            ulong start = linear;
            if (_rules.TryPrepare(ref start, access, privilege, stack, out MmuFault atStart)) return false;
            fault = atStart;
            return false;
        }

        bool misaligned = AlignmentChecks && privilege == Privilege.User && BitOperations.IsPow2(length) && length <= 16
            && (linear & (ulong)(length - 1)) != 0;

        ulong at = linear;
        for (int page = 0; page < physical.Length; page++)
        {
            Translation translation = misaligned ? Probe(at, access, privilege, stack) : TranslateCore(at, access, privilege, stack);
            if (!translation.Ok)
            {
                fault = translation.Fault;
                // The probe left no trace, but the fault that it found is delivered.
                if (misaligned && fault.Vector == ExceptionVector.PageFault) DropFaulting(fault.Address);
                return false;
            }

            physical[page] = translation.Physical.Value;
            at = ((at & ~(ulong)(PageBytes - 1)) + PageBytes) & wrap;
        }

        if (misaligned)
        {
            // Of one class with the page fault, and listed behind it: SDM vol. 3A, "Priority Among Concurrent Events" (6.9).
            fault = new MmuFault(ExceptionVector.AlignmentCheck, 0, linear, FaultReason.Misaligned);
            return false;
        }

        return true;
    }
}
