using System.Runtime.Intrinsics;

namespace FastMmu.Memory;

/// <summary>
/// The versions of a memory that can be had again. One of them, the current one, is what the memory was when it was last taken or restored; a page
/// keeps its bytes of that time before its first write. Every other version knows its difference from a neighbour on the way to the current one.
/// </summary>
/// <remarks>
/// <code>
/// memory + pages written since = current  ◄── Toward ── version  ◄── Toward ── version
///                                         ◄── Toward ── version
/// </code>
/// <para>Going to another version turns the differences on the way round (Baker's rerooting), so that each of them stays. A version that was
/// released while two others differ from it stays as a joint between them.</para>
/// <para>The bytes kept of a page stay valid when the page has got them back, so that the next first write of it copies nothing.</para>
/// <para>Not thread-safe: the memory's lock is held.</para>
/// </remarks>
internal sealed unsafe class MemoryVersions : IDisposable
{
    private readonly byte* _bytes;
    private readonly byte* _guards;
    private readonly byte _guard;
    private readonly PagePool _pool;
    private readonly List<MemoryVersion> _all = [];
    private readonly NativeRegion _savedRegion;

    // For each page of the native region where its bytes of the current version are kept, or 0.
    private readonly uint* _saved;

    // The pages written since the current version, each of which is kept; the others are guarded.
    private ulong[] _dirty = new ulong[1024];
    private int _dirtyCount;

    /// <summary>Versions of the bytes of a native region.</summary>
    /// <param name="bytes">Its first byte.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="guards">The guards of its pages.</param>
    /// <param name="guard">The guard that means: not written since the current version.</param>
    /// <param name="pool">Room for copies; all of it is free, and not owned.</param>
    internal MemoryVersions(byte* bytes, ulong length, byte* guards, byte guard, PagePool pool)
    {
        _pool = pool;
        _bytes = bytes;
        _guards = guards;
        _guard = guard;
        ulong notes = (length >> 12) * sizeof(uint);
        _savedRegion = new NativeRegion(notes);
        // Written here and there by first writes, which should not each wait for the host: the notes of two gigabytes are one huge page of it.
        bool large = notes >= NativeRegion.Alignment / 4;
        _savedRegion.Commit(0, _savedRegion.Length, hugePages: large);
        _saved = (uint*)_savedRegion.Base;
        if (large) *_saved = 0;
    }

    /// <summary>What the memory was when it was last taken or restored; null if no version exists.</summary>
    internal MemoryVersion? Current { get; private set; }

    /// <summary>The pages written since the current version.</summary>
    internal ReadOnlySpan<ulong> Dirty => _dirty.AsSpan(0, _dirtyCount);

    /// <summary>Called before the first write of a page; whoever calls removes the guard when this has returned.</summary>
    internal void Save(ulong page)
    {
        if (_saved[page] == 0)
        {
            uint slot = _pool.Take();
            CopyPage(_bytes + (page << 12), _pool.At(slot));
            _saved[page] = slot;
        }

        AddDirty(page);
    }

    /// <summary>Makes the memory as it is a version, and the current one. Costs the pages written since the one before.</summary>
    /// <remarks>The first one expects every page to be guarded.</remarks>
    internal MemoryVersion Take(MemoryMap map)
    {
        var version = new MemoryVersion(map);
        _pool.Prepare(1);
        if (Current is { } before)
        {
            foreach (ulong page in Dirty)
            {
                before.Add(page, _saved[page]);
                _saved[page] = 0;
                _guards[page] |= _guard;
            }

            _dirtyCount = 0;
            before.Toward = version;
        }

        _all.Add(version);
        Current = version;
        return version;
    }

    /// <summary>Gives a version that is not yet added a page that it does not share with the memory.</summary>
    internal void AddPage(MemoryVersion version, ulong page, ReadOnlySpan<byte> bytes)
    {
        uint slot = _pool.Take();
        bytes.CopyTo(new Span<byte>(_pool.At(slot), PagePool.PageBytes));
        version.Add(page, slot);
    }

    /// <summary>Adds a version that differs in some pages from the current one, from which the memory does not differ.</summary>
    internal void Add(MemoryVersion version)
    {
        version.Toward = Current;
        _all.Add(version);
    }

    /// <summary>Tells which pages a restore will change, before it changes any: who hears of it may write, too, or throw.</summary>
    internal void Tell<TObserver>(MemoryVersion target, TObserver observer) where TObserver : struct, IPageObserver
    {
        for (int i = 0; i < _dirtyCount; i++) observer.Changes(_dirty[i], _pool.At(_saved[_dirty[i]]));
        for (MemoryVersion at = target; at.Toward is not null; at = at.Toward)
        {
            for (int i = 0; i < at.Count; i++) observer.Changes(at.Pages[i], _pool.At(at.Slots[i]));
        }
    }

    /// <summary>Gives the memory the bytes of a version, which becomes the current one.</summary>
    internal void Restore(MemoryVersion target)
    {
        // Nothing may fail when the first byte has changed.
        int differing = 0;
        for (MemoryVersion at = target; at.Toward is not null; at = at.Toward) differing += at.Count;
        _pool.Prepare(differing);
        foreach (ulong page in Dirty)
        {
            CopyPage(_pool.At(_saved[page]), _bytes + (page << 12));
            _guards[page] |= _guard;
        }

        _dirtyCount = 0;
        while (Current != target) Step(NextToward(target));
        Collect();
    }

    /// <summary>Says that nobody asks for a version any more.</summary>
    /// <returns>Whether it was the last one: then no page is guarded any more for its sake.</returns>
    internal bool Release(MemoryVersion version)
    {
        version.Released = true;
        Collect();
        return Current is null;
    }

    /// <summary>Where the pages of a version are that differ from the memory as it is.</summary>
    internal Dictionary<ulong, uint> DifferencesOf(MemoryVersion version)
    {
        var differences = new Dictionary<ulong, uint>();
        for (MemoryVersion at = version; at.Toward is not null; at = at.Toward)
        {
            for (int i = 0; i < at.Count; i++) differences.TryAdd(at.Pages[i], at.Slots[i]);
        }

        foreach (ulong page in Dirty) differences.TryAdd(page, _saved[page]);
        return differences;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _savedRegion.Dispose();
        Current = null;
        _all.Clear();
        _dirtyCount = 0;
    }

    // One step from the current version to its neighbour.
    private void Step(MemoryVersion next)
    {
        MemoryVersion before = Current!;
        ReadOnlySpan<ulong> pages = next.Pages;
        Span<uint> slots = next.Slots;
        for (int i = 0; i < pages.Length; i++)
        {
            ulong page = pages[i];
            byte* bytes = _bytes + (page << 12);
            uint own = _saved[page];
            if (own == 0)
            {
                own = _pool.Take();
                CopyPage(bytes, _pool.At(own));
            }

            CopyPage(_pool.At(slots[i]), bytes);
            _saved[page] = slots[i];
            slots[i] = own;
        }

        before.Exchange(next);
        before.Toward = next;
        next.Toward = null;
        Current = next;
    }

    private MemoryVersion NextToward(MemoryVersion target)
    {
        MemoryVersion at = target;
        while (at.Toward != Current) at = at.Toward!;
        return at;
    }

    private void Collect()
    {
        for (bool again = true; again;)
        {
            again = false;
            foreach (MemoryVersion version in _all)
            {
                if (!version.Released || !TryRemove(version)) continue;
                again = true;
                break;
            }
        }
    }

    private bool TryRemove(MemoryVersion version)
    {
        MemoryVersion? child = null;
        foreach (MemoryVersion other in _all)
        {
            if (other.Toward != version) continue;
            if (child is not null) return false;
            child = other;
        }

        if (version == Current)
        {
            if (child is null) Current = null;
            else BecomeCurrent(child);
        }
        else if (child is not null)
        {
            MergeInto(child, version);
        }
        else
        {
            foreach (uint slot in version.Slots) _pool.Return(slot);
        }

        _all.Remove(version);
        return true;
    }

    // The only neighbour of the current version takes its place: what it differs in counts as written since.
    private void BecomeCurrent(MemoryVersion child)
    {
        for (int i = 0; i < child.Count; i++)
        {
            ulong page = child.Pages[i];
            if (_saved[page] != 0) _pool.Return(_saved[page]);
            _saved[page] = child.Slots[i];
            if ((_guards[page] & _guard) == 0) continue;
            AddDirty(page);
            Volatile.Write(ref _guards[page], (byte)(_guards[page] & ~_guard));
        }

        child.Clear();
        child.Toward = null;
        Current = child;
    }

    private void MergeInto(MemoryVersion child, MemoryVersion version)
    {
        var own = new HashSet<ulong>(child.Count);
        foreach (ulong page in child.Pages) own.Add(page);
        for (int i = 0; i < version.Count; i++)
        {
            if (own.Contains(version.Pages[i])) _pool.Return(version.Slots[i]);
            else child.Add(version.Pages[i], version.Slots[i]);
        }

        child.Toward = version.Toward;
    }

    private void AddDirty(ulong page)
    {
        if (_dirtyCount == _dirty.Length) Array.Resize(ref _dirty, 2 * _dirtyCount);
        _dirty[_dirtyCount++] = page;
    }

    // A sixth faster than a call of memcpy where both pages are in a cache; both begin at a multiple of their size.
    private static void CopyPage(byte* from, byte* to)
    {
        for (int at = 0; at < PagePool.PageBytes; at += 4 * Vector256<byte>.Count)
        {
            Vector256<byte> first = Vector256.LoadAligned(from + at), second = Vector256.LoadAligned(from + at + 32);
            Vector256<byte> third = Vector256.LoadAligned(from + at + 64), fourth = Vector256.LoadAligned(from + at + 96);
            first.StoreAligned(to + at);
            second.StoreAligned(to + at + 32);
            third.StoreAligned(to + at + 64);
            fourth.StoreAligned(to + at + 96);
        }
    }
}
