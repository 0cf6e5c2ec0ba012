
namespace FastMmu.Memory;

/// <content>The memory as it was: what snapshots of a <see cref="Machine"/> are made of.</content>
public sealed unsafe partial class PhysicalMemory
{
    private readonly PagePool _copies = new();
    private MemoryVersions? _versions;
    private bool _copiesReserved;
    private bool _telling;

    /// <summary>Called after the memory has become what it was: page tables are others, whatever was cached of them.</summary>
    internal event Action? Restored;

    /// <summary>Pages of which copies are kept.</summary>
    internal long VersionCopies => _copies.InUse;

    /// <summary>Pages for copies of which the host has given memory.</summary>
    internal long CopiesRoom => _copies.Room;

    /// <summary>How many pages were written since a version was last taken or restored.</summary>
    internal int WrittenSinceVersion => _versions?.Dirty.Length ?? 0;

    /// <summary>Keeps the memory as it is, map and bytes. Others must not write meanwhile.</summary>
    internal MemoryVersion TakeVersion()
    {
        CheckVersions();
        MemoryVersion version;
        ulong[] again = [AllPages];
        lock (_guardLock)
        {
            if (_versions?.Current is null)
            {
                GuardEverything(SnapshotGuard);
                _versions ??= new MemoryVersions(_base, _region.Length, _guards, SnapshotGuard, _copies);
            }
            else if (_versions.Dirty.Length <= FewPages)
            {
                again = Array.ConvertAll(_versions.Dirty.ToArray(), AddressOf);
            }

            version = _versions.Take(_map);
            UpdateWriteChunks();
        }

        foreach (ulong page in again) WriteGuarded?.Invoke(page);
        return version;
    }

    /// <summary>Makes the memory what it was. Costs the pages that differ.</summary>
    internal void RestoreVersion(MemoryVersion version)
    {
        CheckVersions();
        TellOfRestore(version);
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_guardLock) _versions!.Restore(version);

        if (_map != version.Map)
        {
            lock (_mapLock) SetMap<NoInterleavingPoints>(version.Map);
            MapChanged?.Invoke();
        }

        Restored?.Invoke();
    }

    /// <summary>Forgets a version; the others stay as they are.</summary>
    internal void ReleaseVersion(MemoryVersion version)
    {
        lock (_guardLock)
        {
            if (_disposed) return;
            CheckVersions();
            if (!_versions!.Release(version)) return;
            ClearEverywhere(SnapshotGuard);
            _versions.Dispose();
            _versions = null;
            if (_copiesReserved) _copies.ReturnAll();
            else _copies.Dispose();
            UpdateWriteChunks();
        }
    }

    /// <summary>Takes the host's memory for some copies of pages now, and keeps it until this memory goes.</summary>
    internal void ReserveCopies(long pages)
    {
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            long missing = Math.Min(pages, (long)(_region.Length / PagePool.PageBytes)) - _copies.InUse;
            _copies.Prepare((int)Math.Clamp(missing, 0, int.MaxValue));
            _copiesReserved = true;
        }
    }

    /// <summary>Adds a version that was read from elsewhere. The memory stays as it is.</summary>
    /// <param name="map">Its map.</param>
    /// <param name="pages">The addresses of its pages that are not all zero, ascending; backed.</param>
    /// <param name="bytes">Their bytes.</param>
    internal MemoryVersion AddVersion(MemoryMap map, List<ulong> pages, List<byte[]> bytes)
    {
        // Versions differ from one another: the first one needs another to differ from.
        MemoryVersion here = TakeVersion();
        var version = new MemoryVersion(map);
        Span<byte> zeros = stackalloc byte[PagePool.PageBytes];
        zeros.Clear();
        lock (_guardLock)
        {
            int next = 0;
            foreach (MemoryRange range in _ranges)
            {
                for (ulong page = range.Start.Value; page < range.End; page += PagePool.PageBytes)
                {
                    ReadOnlySpan<byte> wanted = next < pages.Count && pages[next] == page ? bytes[next++] : zeros;
                    if (!wanted.SequenceEqual(BackingOf(page, PagePool.PageBytes))) _versions!.AddPage(version, OffsetOf(page) >> 12, wanted);
                }
            }

            _versions!.Add(version);
        }

        ReleaseVersion(here);
        return version;
    }

    /// <summary>The bytes that a memory had in a version: those of the pages that it has no longer.</summary>
    internal Dictionary<ulong, uint> DifferencesOf(MemoryVersion version)
    {
        lock (_guardLock)
        {
            CheckVersions();
            return _versions!.DifferencesOf(version);
        }
    }

    /// <summary>Kept bytes of a page.</summary>
    internal ReadOnlySpan<byte> KeptBytes(uint slot) => new(_copies.At(slot), PagePool.PageBytes);

    /// <summary>The number of a backed page in the native region.</summary>
    internal ulong NumberOf(ulong page) => OffsetOf(page) >> 12;

    /// <summary>Whether an address was backed when the memory was created.</summary>
    internal bool IsBacked(ulong address)
    {
        _backing.Find(address, out bool inside);
        return inside;
    }

    /// <summary>A map of this memory with a given layout, of the devices that are mapped now.</summary>
    /// <param name="layout">By ascending address, without overlap; for a device, the address where it begins.</param>
    /// <param name="map">The map.</param>
    /// <returns>What is wrong with the layout, or null.</returns>
    internal string? TryMapOf(IEnumerable<(MemoryRange Range, ulong DeviceStart)> layout, out MemoryMap? map)
    {
        map = null;
        var segments = new List<MemorySegment>();
        MemoryMap current = CurrentMap();
        foreach ((MemoryRange range, ulong deviceStart) in layout)
        {
            if (range.Kind == MemoryKind.Device)
            {
                int index = current.Find(range.Start.Value, out bool inside);
                MemorySegment device = inside ? current.Segments[index] : default;
                if (device.Kind != MemoryKind.Device || device.End < range.End) return $"it has a device at {range.Start}, and the machine has none: map it first";
                if (device.DeviceStart != deviceStart) return $"its device at {range.Start} begins at {deviceStart:x}, and the machine's at {device.DeviceStart:x}";
                segments.Add(device.From(range.Start.Value).Until(range.End));
                continue;
            }

            // ROM that was made RAM may be one stretch with the RAM beside it.
            ulong at = range.Start.Value;
            foreach (MemorySegment part in _backing.Within(range.Start.Value, range.End))
            {
                if (part.Start != at) break;
                segments.Add(part with { Kind = range.Kind });
                at = part.End;
            }

            if (at != range.End) return $"{range} is not backed";
        }

        map = MemoryMap.Of(segments, current.Chunks.Length);
        return null;
    }

    /// <summary>The bytes that back addresses, whatever stands before them now.</summary>
    /// <param name="address">The first address; it and all others were backed when the memory was created, in one range.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    internal ReadOnlySpan<byte> BackingOf(ulong address, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new(_base + OffsetOf(address), length);
    }

    // The address of a page in the native region.
    private ulong AddressOf(ulong page)
    {
        ulong offset = page << 12;
        ReadOnlySpan<MemorySegment> segments = _backing.Segments;
        int low = 0, high = segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (segments[middle].Offset <= offset) low = middle;
            else high = middle - 1;
        }

        return segments[low].Start + (offset - segments[low].Offset);
    }

    private void CheckVersions()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_telling) throw new InvalidOperationException("A handler of written code, called by a restore, deals with snapshots.");
    }

    private void TellOfRestore(MemoryVersion version)
    {
        _telling = true;
        try
        {
            _versions!.Tell(version, new RestoredPages(this));
        }
        finally
        {
            _telling = false;
        }
    }

    // A restored page is a written one for everybody but the snapshots.
    private readonly struct RestoredPages(PhysicalMemory memory) : IPageObserver
    {
        private const int Block = 64;

        public void Changes(ulong page, byte* bytes)
        {
            byte guards = memory._guards[page];
            if ((guards & ~SnapshotGuard) == 0) return;
            ulong address = memory.AddressOf(page);
            if ((guards & CodeGuard) != 0) TellCode(page, address, bytes);
            lock (memory._guardLock)
            {
                guards = memory._guards[page];
                memory.NoteInLogs(guards, address);
                memory._guards[page] = (byte)(guards & (StayingGuards | SnapshotGuard));
            }
        }

        // Code beside data that was written stays as it is, and those who have translated it hear nothing.
        private void TellCode(ulong page, ulong address, byte* bytes)
        {
            for (ulong at = 0; at < PagePool.PageBytes; at += Block)
            {
                byte* now = memory._base + (page << 12) + at;
                if (!new ReadOnlySpan<byte>(now, Block).SequenceEqual(new ReadOnlySpan<byte>(bytes + at, Block))) memory.TellCode((page << 12) + at, address + at, Block);
            }
        }
    }
}
