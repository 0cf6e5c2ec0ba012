using System.Runtime.InteropServices;
using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <content>Marked code: pages whose writes ask, each time, whether the bytes are of those that somebody has translated.</content>
public sealed unsafe partial class PhysicalMemory
{
    internal const byte CodeGuard = 0b0010;

    private const int ChunkPagesShift = MemoryMap.ChunkShift - 12;

    // Telling of more pages than these one by one costs more than telling of all.
    private const int MostPagesToTell = 4;

    private readonly Dictionary<ulong, int> _guardedPagesOfChunk = [];
    private CodeTracker[] _trackers = [];

    /// <summary>Starts to keep marks of translated bytes, and to tell of their writes before they land.</summary>
    /// <param name="written">Called with the marked bytes that are about to be written: <see cref="CodeTracker"/> says how.</param>
    /// <returns>The marks; none yet. Any number of trackers may exist: each has marks of its own.</returns>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// var translated = new Dictionary&lt;ulong, string&gt;();
    /// using CodeTracker code = memory.TrackCode(written =&gt; translated.Remove(written.Start.Value &amp; ~63UL));
    /// memory.Write(0x7c00, (byte)0xf4);
    /// code.Mark(0x7c00, 1);
    /// translated[0x7c00] = "hlt";
    /// memory.Write(0x7c00, (byte)0x90);
    /// Console.WriteLine(translated.Count);                    // 0
    /// </code></example>
    public CodeTracker TrackCode(Action<PhysicalRange> written)
    {
        ArgumentNullException.ThrowIfNull(written);
        var region = new NativeRegion(_region.Length >> 9);
        region.Commit(0, region.Length, hugePages: false);
        var tracker = new CodeTracker(this, written, region);
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            EnsureGuards();
            _trackers = [.. _trackers, tracker];
        }

        return tracker;
    }

    internal void StopTracking(CodeTracker tracker)
    {
        lock (_guardLock)
        {
            if (!_trackers.Contains(tracker)) return;
            _trackers = [.. _trackers.Where(t => t != tracker)];
            if (_disposed) return;
            foreach (MemorySegment segment in _backing.Segments)
            {
                ulong first = segment.Offset >> 12, count = (segment.End - segment.Start) >> 12;
                for (ulong page = first; page < first + count; page++)
                {
                    if ((_guards[page] & CodeGuard) != 0 && tracker[page] != 0) ForgetCode(page);
                }
            }

            UpdateWriteChunks();
        }
    }

    internal void MarkCode(CodeTracker tracker, PhysicalAddress start, ulong length) => MarkCode<NoInterleavingPoints>(tracker, start, length);

    internal void MarkCode<TPoints>(CodeTracker tracker, PhysicalAddress start, ulong length) where TPoints : struct, IInterleavingPoints
    {
        if (length == 0) return;
        ulong end = CheckRange(start, length);
        TPoints.Reach();
        if (AllMarked(tracker, start.Value, end)) return;
        TPoints.Await(_guardLock);
        lock (_guardLock)
        {
            CheckTracker(tracker);
            GuardCode<TPoints>(start.Value, end);
            // Marks come last: whoever finds them without a lock takes the guards for put up, and their pages for dropped.
            foreach (MemorySegment segment in _backing.Within(start.Value, end))
            {
                for (ulong at = segment.Start; at < segment.End; at = (at & ~0xfffUL) + 0x1000)
                {
                    TPoints.Reach();
                    tracker[(segment.Offset + (at - segment.Start)) >> 12] |= BlocksOf(at, Math.Min(segment.End, (at & ~0xfffUL) + 0x1000));
                }
            }
        }
    }

    // Guards the pages of a range for code, and tells whoever may write them without asking. The lock is held.
    private void GuardCode<TPoints>(ulong start, ulong end) where TPoints : struct, IInterleavingPoints
    {
        Span<ulong> guarded = stackalloc ulong[MostPagesToTell];
        int count = 0;
        foreach (MemorySegment segment in _backing.Within(start, end))
        {
            for (ulong at = segment.Start; at < segment.End; at = (at & ~0xfffUL) + 0x1000)
            {
                ulong page = (segment.Offset + (at - segment.Start)) >> 12;
                if ((_guards[page] & CodeGuard) != 0) continue;
                TPoints.Reach();
                _guards[page] |= CodeGuard;
                CollectionsMarshal.GetValueRefOrAddDefault(_guardedPagesOfChunk, page >> ChunkPagesShift, out _)++;
                if (count < MostPagesToTell) guarded[count] = at & ~0xfffUL;
                count++;
            }
        }

        if (count == 0) return;
        UpdateWriteChunks();
        TPoints.Reach();
        if (count > MostPagesToTell) WriteGuarded?.Invoke(AllPages);
        else foreach (ulong page in guarded[..count]) WriteGuarded?.Invoke(page);
    }

    internal void UnmarkCode(CodeTracker tracker, PhysicalAddress start, ulong length)
    {
        if (length == 0) return;
        ulong last = CheckRange(start, length) & ~(CodeTracker.BlockBytes - 1UL);
        ulong first = (start.Value + CodeTracker.BlockBytes - 1) & ~(CodeTracker.BlockBytes - 1UL);
        lock (_guardLock)
        {
            CheckTracker(tracker);
            if (first >= last) return;
            bool changed = false;
            foreach (MemorySegment segment in _backing.Within(first, last))
            {
                for (ulong at = segment.Start; at < segment.End; at = (at & ~0xfffUL) + 0x1000)
                {
                    ulong page = (segment.Offset + (at - segment.Start)) >> 12;
                    if (tracker[page] == 0) continue;
                    tracker[page] &= ~BlocksOf(at, Math.Min(segment.End, (at & ~0xfffUL) + 0x1000));
                    changed |= tracker[page] == 0 && ForgetCode(page);
                }
            }

            if (changed) UpdateWriteChunks();
        }
    }

    internal bool IsCode(CodeTracker tracker, PhysicalAddress address)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return AllMarked(tracker, address.Value, address.Value + 1);
    }

    // Takes the guard of a page away if no tracker has marks in it.
    private bool ForgetCode(ulong page)
    {
        foreach (CodeTracker tracker in _trackers)
        {
            if (tracker[page] != 0) return false;
        }

        _guards[page] &= unchecked((byte)~CodeGuard);
        if (--CollectionsMarshal.GetValueRefOrAddDefault(_guardedPagesOfChunk, page >> ChunkPagesShift, out _) == 0)
        {
            _guardedPagesOfChunk.Remove(page >> ChunkPagesShift);
        }

        return true;
    }

    // Within one page of backed memory, which is what is asked for again and again; else false.
    private bool AllMarked(CodeTracker tracker, ulong start, ulong end)
    {
        if ((start ^ (end - 1)) >> 12 != 0) return false;
        int index = _backing.Find(start, out bool inside);
        if (!inside) return false;
        MemorySegment segment = _backing.Segments[index];
        ulong blocks = BlocksOf(start, end);
        return (tracker[(segment.Offset + (start - segment.Start)) >> 12] & blocks) == blocks;
    }

    // Calls the handlers of marked bytes; whether any was called.
    private bool TellCode(ulong offset, ulong address, ulong length)
    {
        bool told = false;
        foreach (CodeTracker tracker in _trackers)
        {
            ulong end = offset + length;
            for (ulong at = offset; at < end;)
            {
                ulong pageEnd = Math.Min((at & ~0xfffUL) + 0x1000, end);
                int first = (int)(at & 0xfff), last = (int)(pageEnd - (at & ~0xfffUL));
                if ((_guards[at >> 12] & CodeGuard) == 0 || !tracker.TryFindMarked(at >> 12, ref first, ref last))
                {
                    at = pageEnd;
                    continue;
                }

                ulong from = (at & ~0xfffUL) + (ulong)first;
                told = true;
                tracker.Written(new(new(address + (from - offset)), (ulong)(last - first)));
                ObjectDisposedException.ThrowIf(_disposed, this);
                at = from + (ulong)(last - first);
            }
        }

        return told;
    }

    private void CheckTracker(CodeTracker tracker)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ObjectDisposedException.ThrowIf(!_trackers.Contains(tracker), tracker);
    }

    // The blocks of a page that hold any byte of a range in it, one bit each.
    private static ulong BlocksOf(ulong start, ulong end)
    {
        int first = (int)(start >> 6 & 63), last = (int)((end - 1) >> 6 & 63);
        return (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
    }
}
