using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Memory;

/// <content>
/// Pages whose next write somebody wants to hear of. Each 4-KiB page of the native region has a byte of guards, one bit a reason. A page without
/// any is written at full speed: the fast tables of MMUs take it, and physical writes find it without a search.
/// </content>
public sealed unsafe partial class PhysicalMemory
{
    /// <summary>What <see cref="WriteGuarded"/> is given when any page may be meant.</summary>
    internal const ulong AllPages = ulong.MaxValue;

    // Snapshots and logs wait for the first write, and go with it; the reasons in StayingGuards stay.
    internal const byte SnapshotGuard = 1;
    internal const int FirstLogBit = 4;
    private const byte StayingGuards = (1 << FirstLogBit) - 1 - SnapshotGuard;
    private const int MaxLogs = 8 - FirstLogBit;

    // Looking for one page in the tables costs what some hundred walks do.
    private const int FewPages = 4;

    private readonly Lock _guardLock = new();
    private readonly DirtyLog?[] _logs = new DirtyLog?[MaxLogs];
    private NativeRegion? _guardRegion;
    private byte* _guards;

    // As the chunks of the map, less those in which a page may be guarded.
    private byte[] _writeChunks;

    /// <summary>Called after a page was guarded: whoever may write it without asking must forget that. The page's address, or <see cref="AllPages"/>.</summary>
    internal event Action<ulong>? WriteGuarded;

    /// <summary>
    /// Starts to log which pages of RAM and ROM are written, by whomever and however: virtual CPUs, their accessed and dirty bits, the embedder.
    /// </summary>
    /// <returns>The log. Four may run at once.</returns>
    /// <remarks>
    /// <para>The first write of a page is noted and costs some ten nanoseconds more; the next ones cost nothing. Translating a page for a write counts as a write
    /// of it, and so does asking for a <see cref="Span"/> of it, since nobody sees what is written through them. What was asked for before the log
    /// began or was taken is no longer to be used for writing.</para>
    /// <para>Virtual CPUs on other threads must be parked meanwhile, or in an <see cref="MmuGroup"/>: then a page that one of them writes
    /// before its next safe point may be missing.</para>
    /// </remarks>
    /// <exception cref="InvalidOperationException">Four logs run already.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// using DirtyLog changes = memory.StartDirtyLog();
    /// memory.Write(0x5008, 1);
    /// memory.Write(0x5010, 2);
    /// foreach (PhysicalAddress page in changes.Take()) Console.WriteLine(page);       // 0x5000
    /// Console.WriteLine(changes.Take().Length);                                       // 0
    /// </code></example>
    public DirtyLog StartDirtyLog() => StartDirtyLog<NoInterleavingPoints>();

    internal DirtyLog StartDirtyLog<TPoints>() where TPoints : struct, IInterleavingPoints
    {
        DirtyLog log;
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            int index = _logs.AsSpan().IndexOf((DirtyLog?)null);
            if (index < 0) throw new InvalidOperationException($"{MaxLogs} dirty logs run already.");
            log = new DirtyLog(this, (byte)(1 << (FirstLogBit + index)));
            _logs[index] = log;
            TPoints.Reach();
            GuardEverything(log.Guard);
            TPoints.Reach();
            UpdateWriteChunks();
        }

        TPoints.Reach();
        WriteGuarded?.Invoke(AllPages);
        return log;
    }

    /// <summary>Ends a log.</summary>
    internal void StopDirtyLog(DirtyLog log)
    {
        lock (_guardLock)
        {
            int index = _logs.AsSpan().IndexOf(log);
            if (index < 0) return;
            _logs[index] = null;
            // Guards of a bit without an owner would be met once for each page, for nothing.
            if (!_disposed) ClearEverywhere(log.Guard);
            UpdateWriteChunks();
        }
    }

    /// <summary>Guards the pages of a log again, and empties it.</summary>
    internal ulong[] TakeDirty<TPoints>(DirtyLog log, List<ulong> pages) where TPoints : struct, IInterleavingPoints
    {
        ulong[] taken;
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Its guard may be another log's by now.
            ObjectDisposedException.ThrowIf(!_logs.AsSpan().Contains(log), log);
            taken = [.. pages];
            pages.Clear();
            TPoints.Reach();
            foreach (ulong page in taken) _guards[OffsetOf(page) >> 12] |= log.Guard;
        }

        TPoints.Reach();
        GuardedAgain(taken);
        return taken;
    }

    /// <summary>
    /// Whether a 4-KiB page of RAM in the window may be written without asking from now on. If not for a reason that goes with the first write, that
    /// write is taken to happen now.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool AdmitsWrites(ulong page) => AdmitsWrites<NoInterleavingPoints>(page);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool AdmitsWrites<TPoints>(ulong page) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        byte* guards = _guards;
        return guards == null || Volatile.Read(ref guards[page >> 12]) == 0 || PassGuards<TPoints>(page >> 12, page) == 0;
    }

    /// <summary>Called before bytes of RAM are changed through a host address that was found otherwise.</summary>
    /// <param name="address">The first byte; in the window.</param>
    /// <param name="length">Bytes, within one page.</param>
    /// <returns>Whether they still are RAM: a handler may have changed the map.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool BeforeWindowWrite(ulong address, ulong length) =>
        _guards == null || !BeforeWrite<NoInterleavingPoints>(address, address, length) || IsWindowRam(address & ~0xfffUL);

    /// <summary>Called before bytes are changed through a host address that somebody keeps. One load and one compare while nobody asks for writes.</summary>
    /// <param name="host">Where the bytes are; of RAM.</param>
    /// <param name="length">Bytes, within one page.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void BeforeHostWrite(void* host, int length)
    {
        if (_guards != null) BeforeHostWriteSlowly((byte*)host, length);
    }

    // As Find, for bytes that are about to be changed.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* FindForWrite(ulong address, int size) => FindForWrite<NoInterleavingPoints>(address, size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* FindForWrite<TPoints>(ulong address, int size) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        byte[] chunks = _writeChunks;
        ulong chunk = address >> MemoryMap.ChunkShift;
        if (chunk < (ulong)chunks.Length && Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks), (nint)chunk) == MemoryMap.ChunkIsRam
            && (address & ((1UL << MemoryMap.ChunkShift) - 1)) <= (1UL << MemoryMap.ChunkShift) - (ulong)size)
        {
            return _base + address;
        }

        return FindForWriteSlowly<TPoints>(address, size);
    }

    /// <summary>As <see cref="FindForWrite(ulong, int)"/>, for the two parts of one write: nobody else's code runs between what both guards wait for and the write.</summary>
    internal bool TryFindForWrite(ulong first, int firstSize, ulong second, int secondSize, out byte* firstHost, out byte* secondHost)
    {
        firstHost = Find(first, firstSize);
        secondHost = Find(second, secondSize);
        if (firstHost == null || secondHost == null) return false;
        if (_guards == null) return true;
        byte* before = firstHost;
        firstHost = FindForWrite(first, firstSize);
        secondHost = FindForWrite(second, secondSize);
        // The handler of the second part's code may have changed the map, taken a log, or a snapshot.
        firstHost = firstHost == null || secondHost == null ? null : Find(first, firstSize);
        if (firstHost == null) return false;
        ulong page = (ulong)(before - _base) >> 12;
        if ((Volatile.Read(ref _guards[page]) & ~CodeGuard) != 0) PassGuards<NoInterleavingPoints>(page, first & ~0xfffUL);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void BeforeHostWriteSlowly(byte* host, int length)
    {
        ulong offset = (ulong)(host - _base);
        BeforeWrite<NoInterleavingPoints>(offset, AddressOf(offset >> 12) | (offset & 0xfff), (ulong)length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* FindForWriteSlowly<TPoints>(ulong address, int size) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        byte* host = Find(address, size);
        byte* guards = _guards;
        if (host == null || guards == null) return host;
        // While snapshots or logs exist, most writes come here, and most of them to pages that were written before.
        ulong offset = (ulong)(host - _base);
        if ((offset & 0xfff) + (ulong)size <= 0x1000 && Volatile.Read(ref guards[offset >> 12]) == 0) return host;
        // Where the bytes are never changes; whether they are RAM may have.
        return BeforeWrite<TPoints>(offset, address, (ulong)size) ? Find(address, size) : host;
    }

    // `offset` is where the bytes are in the native region, which is what guards are kept by; `address` is what the guest calls them.
    // Returns whether somebody else's code ran, after which the map may be another. That is done first: nothing may come between the other
    // guards and the write.
    private bool BeforeWrite<TPoints>(ulong offset, ulong address, ulong length) where TPoints : struct, IInterleavingPoints
    {
        if (length == 0) return false;
        bool told = _trackers.Length != 0 && TellCode(offset, address, length);
        ulong last = (offset + length - 1) >> 12;
        for (ulong page = offset >> 12; page <= last; page++)
        {
            TPoints.Reach();
            if ((Volatile.Read(ref _guards[page]) & ~CodeGuard) != 0) PassGuards<TPoints>(page, (address & ~0xfffUL) + ((page - (offset >> 12)) << 12));
        }

        return told;
    }

    // Gives every guard of a page what it waits for, and returns those that stay.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte PassGuards<TPoints>(ulong index, ulong page) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            byte guards = _guards[index];
            if ((guards & SnapshotGuard) != 0) _versions!.Save(index);
            TPoints.Reach();
            NoteInLogs(guards, page);
            TPoints.Reach();
            // Others take the page for written when they see this, so it comes last.
            byte left = (byte)(guards & StayingGuards);
            Volatile.Write(ref _guards[index], left);
            return left;
        }
    }

    private void NoteInLogs(byte guards, ulong page)
    {
        for (int log = 0; log < MaxLogs; log++)
        {
            if ((guards >> (FirstLogBit + log) & 1) != 0) _logs[log]?.Add(page);
        }
    }

    private void GuardedAgain(ReadOnlySpan<ulong> pages)
    {
        if (pages.Length > FewPages) WriteGuarded?.Invoke(AllPages);
        else foreach (ulong page in pages) WriteGuarded?.Invoke(page);
    }

    private void GuardEverything(byte guard)
    {
        EnsureGuards();
        foreach (MemorySegment segment in _backing.Segments) Change(GuardsOf(segment), all: byte.MaxValue, set: guard);
    }

    private void EnsureGuards()
    {
        _guardRegion ??= CreateGuards();
        _guards = _guardRegion.Base;
    }

    private void ClearEverywhere(byte guard)
    {
        foreach (MemorySegment segment in _backing.Segments) Change(GuardsOf(segment), all: (byte)~guard, set: 0);
    }

    // A gigabyte has a quarter of a million of them.
    private static void Change(Span<byte> guards, byte all, byte set)
    {
        Span<Vector256<byte>> vectors = MemoryMarshal.Cast<byte, Vector256<byte>>(guards);
        Vector256<byte> allVector = Vector256.Create(all), setVector = Vector256.Create(set);
        foreach (ref Vector256<byte> vector in vectors) vector = (vector & allVector) | setVector;
        foreach (ref byte guard in guards[(vectors.Length * Vector256<byte>.Count)..]) guard = (byte)((guard & all) | set);
    }

    private Span<byte> GuardsOf(MemorySegment segment) => new(_guards + (segment.Offset >> 12), checked((int)((segment.End - segment.Start) >> 12)));

    private NativeRegion CreateGuards()
    {
        var region = new NativeRegion(_region.Length >> 12);
        region.Commit(0, region.Length, hugePages: false);
        return region;
    }

    private ulong OffsetOf(ulong address)
    {
        int index = _backing.Find(address, out _);
        MemorySegment segment = _backing.Segments[index];
        return segment.Offset + (address - segment.Start);
    }

    private void UpdateWriteChunks()
    {
        lock (_guardLock)
        {
            bool logging = _versions?.Current is not null || _logs.AsSpan().ContainsAnyExcept((DirtyLog?)null);
            if (logging || _guardedPagesOfChunk.Count == 0)
            {
                _writeChunks = logging ? [] : _chunks;
                return;
            }

            byte[] chunks = [.. _chunks];
            foreach (ulong chunk in _guardedPagesOfChunk.Keys)
            {
                if (chunk < (ulong)chunks.Length) chunks[chunk] = 0;
            }

            _writeChunks = chunks;
        }
    }
}
