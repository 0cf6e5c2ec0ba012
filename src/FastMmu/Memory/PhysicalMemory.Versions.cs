
namespace FastMmu.Memory;

/// <content>The memory as it was: what snapshots of a <see cref="Machine"/> are made of.</content>
public sealed unsafe partial class PhysicalMemory
{
    private MemoryVersions? _versions;

    /// <summary>Called after the memory has become what it was: page tables are others, whatever was cached of them.</summary>
    internal event Action? Restored;

    /// <summary>Pages of which copies are kept.</summary>
    internal long VersionCopies => _versions?.Copies ?? 0;

    /// <summary>How many pages were written since a version was last taken or restored.</summary>
    internal int WrittenSinceVersion => _versions?.Dirty.Length ?? 0;

    /// <summary>Keeps the memory as it is, map and bytes. Others must not write meanwhile.</summary>
    internal MemoryVersion TakeVersion()
    {
        MemoryVersion version;
        ulong[] again = [AllPages];
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_base == null, this);
            if (_versions?.Current is null)
            {
                GuardEverything(SnapshotGuard);
                _versions ??= new MemoryVersions(_base, _region.Length, _guards, SnapshotGuard);
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
        lock (_guardLock)
        {
            ObjectDisposedException.ThrowIf(_base == null, this);
            _versions!.Restore(version, new RestoredPages(this));
        }

        if (_map != version.Map)
        {
            lock (_mapLock) SetMap(version.Map);
            MapChanged?.Invoke();
        }

        Restored?.Invoke();
    }

    /// <summary>Forgets a version; the others stay as they are.</summary>
    internal void ReleaseVersion(MemoryVersion version)
    {
        lock (_guardLock)
        {
            if (_base == null) return;
            if (!_versions!.Release(version)) return;
            ClearEverywhere(SnapshotGuard);
            _versions.Dispose();
            _versions = null;
            UpdateWriteChunks();
        }
    }

    /// <summary>The bytes that back addresses, whatever stands before them now.</summary>
    /// <param name="address">The first address; it and all others were backed when the memory was created, in one range.</param>
    /// <param name="length">Bytes.</param>
    internal ReadOnlySpan<byte> BackingOf(ulong address, int length) => new(_base + OffsetOf(address), length);

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

    // A restored page is a written one for everybody but the snapshots.
    private readonly struct RestoredPages(PhysicalMemory memory) : IPageObserver
    {
        public void Changes(ulong page)
        {
            byte guards = memory._guards[page];
            if ((guards & ~SnapshotGuard) == 0) return;
            memory.NoteInLogs(guards, memory.AddressOf(page));
            memory._guards[page] = (byte)(guards & (StayingGuards | SnapshotGuard));
        }
    }
}
