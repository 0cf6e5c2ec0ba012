using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Files;

/// <summary>The pages of one file that are in memory (address_space), by page number.</summary>
/// <remarks>Pages are kept in groups of 64, so that a file with a page every gigabyte costs little and neighbours are found together.</remarks>
internal sealed class PageCache
{
    private const int GroupShift = 6;
    private const ulong GroupMask = (1 << GroupShift) - 1;

    // Read-around on a miss of a mapped disk file: 128 KiB around the page.
    internal const ulong ReadAroundPages = 32;

    private readonly Dictionary<ulong, ulong[]> _groups = [];
    private readonly InodeKind _kind;
    private ReadOnlyMemory<byte> _content;
    private readonly HashSet<ulong> _holes = [];
    private readonly HashSet<ulong> _evicted = [];
    private ulong _contentPages;
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _last;

    /// <summary>An empty cache.</summary>
    /// <param name="machine">The machine in whose memory the pages are.</param>
    /// <param name="number">The inode's number on that machine.</param>
    /// <param name="kind">What the file is.</param>
    /// <param name="content">The bytes of a file that counts as read; pages of it get a frame when they are looked for.</param>
    /// <param name="pages">Pages of the file.</param>
    internal PageCache(LinuxMachine machine, int number, InodeKind kind, ReadOnlyMemory<byte> content, ulong pages)
    {
        Machine = machine;
        Number = number;
        _kind = kind;
        _content = content;
        _contentPages = Math.Min(pages, ((ulong)content.Length + 4095) >> 12);
    }

    /// <summary>The machine in whose memory the pages are.</summary>
    internal LinuxMachine Machine { get; }

    /// <summary>The inode's number, as page descriptors hold it.</summary>
    internal int Number { get; }

    /// <summary>Pages that have a frame.</summary>
    internal int Count { get; private set; }

    /// <summary>Finds a page that is in memory.</summary>
    internal bool TryGet(ulong page, out ulong frame)
    {
        ulong[]? group = Group(page >> GroupShift);
        if (group is not null && group[page & GroupMask] is > 0 and ulong held)
        {
            frame = held - 1;
            return true;
        }

        // A file given as bytes counts as read: its pages take frames when somebody looks.
        if (page < _contentPages && !_holes.Contains(page) && !_evicted.Contains(page))
        {
            return TryAdd(page, out frame);
        }

        frame = 0;
        return false;
    }

    /// <summary>Finds a page, or brings it in: from the content, or zeros.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool TryRead(ulong page, out ulong frame) => TryGet(page, out frame) || TryAdd(page, out frame);

    /// <summary>As <see cref="TryRead"/>, for a fault: a disk file that misses reads its surroundings too (filemap_fault).</summary>
    /// <param name="page">The page.</param>
    /// <param name="pages">Pages of the file.</param>
    /// <param name="before">How many pages before it the area wants read along; all of <see cref="ReadAroundPages"/> for none at all.</param>
    /// <param name="frame">The frame.</param>
    internal bool TryFault(ulong page, ulong pages, ulong before, out ulong frame)
    {
        if (TryGet(page, out frame))
        {
            return true;
        }

        if (_kind == InodeKind.Regular && before < ReadAroundPages)
        {
            ulong first = page - Math.Min(page, before);
            ReadIn(first, Math.Min(first + ReadAroundPages, pages));
        }

        return TryRead(page, out frame);
    }

    /// <summary>Reads pages of a disk file in (readahead); stops where memory is used up.</summary>
    internal void ReadIn(ulong first, ulong end)
    {
        for (ulong page = first; page < end && TryRead(page, out _); page++)
        {
        }
    }

    /// <summary>Drops pages; nothing may map them any more but private areas that keep them alive by their own reference.</summary>
    internal void Remove(ulong first, ulong end)
    {
        if (Count == 0 || first >= end)
        {
            return;
        }

        ulong firstKey = first >> GroupShift, lastKey = (end - 1) >> GroupShift;
        if (lastKey - firstKey < (ulong)_groups.Count)
        {
            for (ulong key = firstKey; key <= lastKey; key++)
            {
                RemoveFrom(key, first, end);
            }

            return;
        }

        foreach (ulong key in _groups.Keys.ToArray())
        {
            if (key >= firstKey && key <= lastKey)
            {
                RemoveFrom(key, first, end);
            }
        }
    }

    /// <summary>Drops the pages that nobody maps and nobody wrote.</summary>
    internal void DropClean()
    {
        foreach ((ulong key, ulong[] group) in _groups.ToArray())
        {
            for (int i = 0; i < group.Length; i++)
            {
                ulong page = (key << GroupShift) + (ulong)i;
                if (group[i] != 0)
                {
                    Evict(page);
                }
            }
        }
    }

    /// <summary>Drops a page if nobody maps it and nobody wrote it; it is to be read again.</summary>
    internal void Evict(ulong page)
    {
        if (TryGet(page, out ulong frame) && Machine.Pages[frame].IsReclaimable)
        {
            Remove(page, page + 1);
            _evicted.Add(page);
        }
    }

    /// <summary>Pages that read as zeros from now on, though the content says otherwise.</summary>
    internal void MakeHole(ulong first, ulong end)
    {
        for (ulong page = first; page < Math.Min(end, _contentPages); page++)
        {
            _holes.Add(page);
        }
    }

    /// <summary>What lies behind the end of a file is gone, even if the file grows again.</summary>
    internal void ContentEndsAt(ulong size)
    {
        if (size < (ulong)_content.Length)
        {
            _content = _content[..(int)size];
            _contentPages = Math.Min(_contentPages, (size + 4095) >> 12);
        }
    }

    private bool TryAdd(ulong page, out ulong frame)
    {
        if (!Machine.Pages.TryAllocatePage(out frame))
        {
            return false;
        }

        Span<byte> bytes = Machine.Frames.Bytes(frame);
        int copied = 0;
        if (page < _contentPages && !_holes.Contains(page))
        {
            ReadOnlySpan<byte> content = _content.Span[(int)(page << 12)..];
            copied = Math.Min(content.Length, bytes.Length);
            content[..copied].CopyTo(bytes);
        }

        bytes[copied..].Clear();
        ref PageFrame state = ref Machine.Pages[frame];
        state.BecomeFilePage(Number, page, _kind == InodeKind.SharedMemory);
        if (copied > 0 && _kind == InodeKind.SharedMemory)
        {
            // Only memory holds it.
            state.MarkDirty();
        }

        ulong key = page >> GroupShift;
        ulong[]? group = Group(key);
        if (group is null)
        {
            group = new ulong[(int)GroupMask + 1];
            _groups.Add(key, group);
            _last = group;
            _lastKey = key;
        }

        group[page & GroupMask] = frame + 1;
        _evicted.Remove(page);
        Count++;
        return true;
    }

    private ulong[]? Group(ulong key)
    {
        if (key == _lastKey)
        {
            return _last;
        }

        _groups.TryGetValue(key, out _last);
        _lastKey = key;
        return _last;
    }

    private void RemoveFrom(ulong key, ulong first, ulong end)
    {
        if (Group(key) is not { } group)
        {
            return;
        }

        bool any = false;
        for (int i = 0; i < group.Length; i++)
        {
            ulong page = (key << GroupShift) + (ulong)i;
            if (group[i] != 0 && page >= first && page < end)
            {
                ulong frame = group[i] - 1;
                group[i] = 0;
                Count--;
                Machine.Pages[frame].LeaveFile();
                Machine.Pages.Put(frame);
            }

            any |= group[i] != 0;
        }

        if (!any)
        {
            _groups.Remove(key);
            _lastKey = ulong.MaxValue;
        }
    }
}
