using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu;

/// <content>
/// Watches. A page that has one for a kind of access never enters the fast tables of that kind, so each such access comes by the slow paths,
/// which ask here; all others are as fast as without watches.
/// </content>
public sealed unsafe partial class Mmu
{
    private const int WatchedBytesOnStack = 256;

    private WatchMap? _watches;
    private bool _inWatchHandler;

    /// <summary>Makes a handler hear of accesses to a range of linear addresses, in whatever address space is current.</summary>
    /// <param name="range">The addresses, to a byte: of 32 bits outside long mode, and without LAM's metadata. Any number of watches may overlap.</param>
    /// <param name="kinds">Which accesses.</param>
    /// <param name="handler">Called on the thread that makes the access.</param>
    /// <returns>The watch, in force for the next access; dispose it to end it.</returns>
    /// <remarks>
    /// <para>Watched are the accesses of the running program: <see cref="TryRead{T}(LinearAddress, out T, out MmuFault)"/>, <see cref="TryWrite{T}(LinearAddress, T, out MmuFault)"/> and all that
    /// are named as they are, gathers and scatters, fetches, read-modify-writes (first a read, then a write), and the reads of descriptor tables. Translating calls
    /// nobody, and neither do the walker's reads of page tables nor what the embedder moves for itself (<see cref="ReadBytes"/>, <see cref="WriteBytes"/>, <see cref="CopyTo"/>,
    /// <see cref="ReadString(LinearAddress, Span{byte}, TransferOptions)"/>, <see cref="Search"/>).</para>
    /// <para>A handler is called once for each page of an access that its range touches, with exactly the bytes that are in both; for a page's watches
    /// by ascending start of their ranges. The access was permitted before, as it would be without: a handler that changes nothing is seen by nobody. It may put other
    /// bytes in place of those read or to be written, keep a write from landing, or raise a fault, which the access returns as if paging had (<see cref="Cr2"/> is set by a page
    /// fault where it would be by another one). All handlers have answered before a byte of a write lands. A fetch is watched where it is asked for, which may be more than the
    /// instruction turns out to have: <see cref="WatchedAccess.AccessStart"/> tells where it began.</para>
    /// <para>A handler may use this MMU and its memory, page tables and registers, and make and end watches; the access under way keeps the translation that it has, and accesses that
    /// the handler makes through this MMU call no handler. What it throws comes out of the access: no byte was written.</para>
    /// <para>Costs some tens of nanoseconds an access on a watched page, for the kinds that are watched there, and nothing elsewhere. Making a watch drops the fast tables.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The range is empty or goes round the address space, or there is no kind.</exception>
    /// <example><code>
    /// var seen = new List&lt;string&gt;();
    /// using (mmu.Watch(new LinearRange(0x1008, 4), WatchKinds.Write, (ref WatchedAccess access) =&gt; seen.Add($"{access.Linear} = {access.Value:x}")))
    /// {
    ///     mmu.TryWrite(0x1000UL, 1, out _);                           // the same page, other bytes
    ///     mmu.TryWrite(0x1006UL, 0x4433_2211, out _);                 // the last two of these are watched
    /// }
    /// Console.WriteLine(string.Join(", ", seen));                     // 0x1008 = 4433
    /// </code></example>
    public Watch Watch(LinearRange range, WatchKinds kinds, WatchHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        if (range.Length == 0 || range.Start.Value > range.Last.Value) throw new ArgumentException("The range is empty or goes round the address space.", nameof(range));
        if ((kinds & WatchKinds.All) == 0 || (kinds & ~WatchKinds.All) != 0) throw new ArgumentException("No kind of access, or one that there is not.", nameof(kinds));
        var watch = new Watch(this, range, kinds, handler);
        _watches = WatchMap.Of([.. _watches?.All ?? [], watch]);
        _fast.ForgetAll();
        return watch;
    }

    internal void Unwatch(Watch watch) => _watches = WatchMap.Of([.. (_watches?.All ?? []).Where(w => w != watch)]);

    // Whether accesses of a kind to the page of an address, as paging sees it, must come by the slow paths.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsWatched(ulong linear, Access access) => _watches is not null && IsWatchedIn(_watches, linear, access);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsWatchedIn(WatchMap watches, ulong linear, Access access) => (watches.KindsAt(linear) & access.ToWatchKind()) != 0;

    // The address of an access that was permitted, as paging saw it.
    private ulong Prepared(ulong linear, Access access, Privilege privilege)
    {
        _ = _rules.TryPrepare(ref linear, access, privilege, stack: false, out _);
        return linear;
    }

    // The watches that an access to some bytes must ask, or null.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private WatchMap? WatchesOf(ulong linear, int length, Access access, Privilege privilege, ulong wrap = ulong.MaxValue) =>
        _watches is null ? null : WatchesToAsk(_watches, linear, length, access, privilege, wrap);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WatchMap? WatchesToAsk(WatchMap watches, ulong linear, int length, Access access, Privilege privilege, ulong wrap) =>
        !_inWatchHandler && watches.Holds(Prepared(linear, access, privilege), length, WrapOfMode(wrap), access.ToWatchKind()) ? watches : null;

    // Outside long mode each page's address is cut by itself.
    private ulong WrapOfMode(ulong wrap) => _context.State.Efer.Lma ? wrap : uint.MaxValue;

    // Within one page, after the value was read.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TellRead<T>(WatchMap watches, ulong linear, Privilege privilege, ulong physical, ref T value, out MmuFault fault) where T : unmanaged
    {
        var piece = new WatchedPiece(Access.Read, Prepared(linear, Access.Read, privilege), physical, linear, sizeof(T));
        if (Tell(watches, in piece, MemoryMarshal.AsBytes(new Span<T>(ref value)), default, out _, out fault)) return true;
        value = default;
        return false;
    }

    // Within one page, instead of the write.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TellAndWrite<T>(WatchMap watches, ulong linear, Privilege privilege, PhysicalAddress physical, T value, out MmuFault fault) where T : unmanaged
    {
        var piece = new WatchedPiece(Access.Write, Prepared(linear, Access.Write, privilege), physical.Value, linear, sizeof(T));
        Span<byte> data = MemoryMarshal.AsBytes(new Span<T>(ref value)), dropped = stackalloc byte[sizeof(T)];
        dropped.Clear();
        if (!Tell(watches, in piece, data, dropped, out bool anyDropped, out fault)) return false;
        if (anyDropped) WriteKept(physical, data, dropped);
        else _memory.Write(physical, value);
        return true;
    }

    // As TryTransfer, from where every page is translated: bytes that go through a copy, so that nobody sees them before all handlers have answered.
    [SkipLocalsInit]
    private bool TransferWatched(
        WatchMap watches, ulong linear, Span<byte> destination, ReadOnlySpan<byte> source, Privilege privilege, ReadOnlySpan<ulong> physical, ulong wrap,
        out MmuFault fault)
    {
        int length = destination.Length + source.Length;
        bool write = destination.IsEmpty;
        byte[]? rented = length > WatchedBytesOnStack ? ArrayPool<byte>.Shared.Rent(2 * length) : null;
        try
        {
            Span<byte> bytes = rented is null ? stackalloc byte[2 * WatchedBytesOnStack] : rented;
            Span<byte> data = bytes[..length], dropped = bytes.Slice(length, length);
            dropped.Clear();
            if (write) source.CopyTo(data);
            else MovePages(physical, data, write: false, dropped);
            Access access = write ? Access.Write : Access.Read;
            if (!TellPages(watches, access, linear, privilege, physical, data, dropped, out fault, wrap)) return false;
            if (write) MovePages(physical, data, write: true, dropped.Contains((byte)1) ? dropped : default);
            else data.CopyTo(destination);
            fault = MmuFault.None;
            return true;
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // Whether handlers of all pages let an access be; it may have changed the data.
    private bool TellPages(
        WatchMap watches, Access access, ulong linear, Privilege privilege, ReadOnlySpan<ulong> physical, Span<byte> data, Span<byte> dropped, out MmuFault fault,
        ulong wrap = ulong.MaxValue)
    {
        ulong at = Prepared(linear, access, privilege);
        fault = MmuFault.None;
        for (int page = 0, done = 0; page < physical.Length; page++)
        {
            int count = Math.Min(data.Length - done, LeftInPage(physical[page]));
            var piece = new WatchedPiece(access, at, physical[page], linear, data.Length);
            if (!Tell(watches, in piece, data.Slice(done, count), dropped.IsEmpty ? default : dropped.Slice(done, count), out _, out fault)) return false;
            done += count;
            at = (at + (ulong)count) & WrapOfMode(wrap);
        }

        return true;
    }

    private void MovePages(ReadOnlySpan<ulong> physical, Span<byte> data, bool write, ReadOnlySpan<byte> dropped)
    {
        for (int page = 0, done = 0; page < physical.Length; page++)
        {
            int count = Math.Min(data.Length - done, LeftInPage(physical[page]));
            PhysicalAddress at = PhysicalAddress.Truncate(physical[page]);
            if (!write) _memory.Read(at, data.Slice(done, count));
            else if (dropped.IsEmpty) _memory.Write(at, data.Slice(done, count));
            else WriteKept(at, data.Slice(done, count), dropped.Slice(done, count));
            done += count;
        }
    }

    // A write without the bytes that handlers have dropped.
    private void WriteKept(PhysicalAddress physical, ReadOnlySpan<byte> data, ReadOnlySpan<byte> dropped)
    {
        for (int at = 0; at < data.Length;)
        {
            int kept = dropped[at..].IndexOf((byte)0);
            if (kept < 0) return;
            at += kept;
            int count = dropped[at..].IndexOfAnyExcept((byte)0);
            if (count < 0) count = data.Length - at;
            _memory.Write(physical + (ulong)at, data.Slice(at, count));
            at += count;
        }
    }

    private bool Tell(WatchMap watches, in WatchedPiece piece, Span<byte> data, Span<byte> dropped, out bool anyDropped, out MmuFault fault) =>
        Tell(watches, in piece, data, dropped, out anyDropped, out _, out fault);

    // False: a handler has raised a fault, for the bytes from `refused` on.
    private bool Tell(WatchMap watches, in WatchedPiece piece, Span<byte> data, Span<byte> dropped, out bool anyDropped, out int refused, out MmuFault fault)
    {
        fault = MmuFault.None;
        anyDropped = false;
        refused = 0;
        WatchKinds kind = piece.Access.ToWatchKind();
        _inWatchHandler = true;
        try
        {
            foreach (Watch watch in watches.At(piece.Linear))
            {
                if ((watch.Kinds & kind) == 0 || !watch.IsActive || !watch.TryIntersect(piece.Linear, data.Length, out int first, out int count)) continue;
                var access = new WatchedAccess(
                    piece.Access, piece.Linear + (ulong)first, piece.Physical + (ulong)first, data.Slice(first, count), piece.AccessStart, piece.AccessLength);
                watch.Handler(ref access);
                if (access.Fault.IsFault)
                {
                    fault = access.Fault;
                    refused = first;
                    return false;
                }

                if (!access.Dropped || dropped.IsEmpty) continue;
                dropped.Slice(first, count).Fill(1);
                anyDropped = true;
            }
        }
        finally
        {
            _inWatchHandler = false;
        }

        return true;
    }

    // What of an access lies in one page.
    private readonly record struct WatchedPiece(Access Access, ulong Linear, ulong Physical, ulong AccessStart, int AccessLength);
}
