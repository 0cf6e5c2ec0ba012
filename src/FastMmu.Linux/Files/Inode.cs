using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;

namespace FastMmu.Linux.Files;

/// <summary>A file itself, whichever ways it is open: its size, its seals, and the pages of it that are in memory.</summary>
/// <remarks>
/// Its pages live in the memory of the one <see cref="LinuxMachine"/> that first touches them; those of shared memory are given back when
/// neither a descriptor nor an area is left.
/// </remarks>
public sealed class Inode
{
    private readonly ReadOnlyMemory<byte> _content;
    private PageCache? _cache;
    private ulong _size;
    private int _uses;

    /// <summary>Makes a file of zeros.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">The name that /proc/PID/maps shows.</param>
    /// <param name="size">Its bytes.</param>
    public Inode(InodeKind kind, string name, ulong size)
    {
        Kind = kind;
        Name = name;
        _size = size;
    }

    /// <summary>Makes a file of given bytes, as if all of it were in memory already; pages of it take frames when they are touched.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">The name that /proc/PID/maps shows.</param>
    /// <param name="content">The bytes; must not change while the file is in use.</param>
    public Inode(InodeKind kind, string name, ReadOnlyMemory<byte> content)
        : this(kind, name, (ulong)content.Length) => _content = content;

    /// <summary>What it is.</summary>
    public InodeKind Kind { get; }

    /// <summary>The name that /proc/PID/maps shows.</summary>
    public string Name { get; }

    /// <summary>Its bytes (i_size). Setting it is what open files start from; <see cref="Truncate"/> changes a file that is mapped.</summary>
    public ulong Size
    {
        get => _size;
        set
        {
            _size = value;
            _cache?.ContentEndsAt(value);
        }
    }

    /// <summary>The binary logarithm of its pages' bytes: 12, but in hugetlbfs 21, 22 or 30.</summary>
    public int PageShift { get; init; } = 12;

    /// <summary>Sealed with F_SEAL_WRITE: no shared writable mapping.</summary>
    public bool SealedAgainstWrites { get; init; }

    /// <summary>Sealed with F_SEAL_SHRINK.</summary>
    public bool SealedAgainstShrinking { get; init; }

    /// <summary>Sealed with F_SEAL_GROW.</summary>
    public bool SealedAgainstGrowing { get; init; }

    /// <summary>Only appending is allowed (chattr +a).</summary>
    public bool AppendOnly { get; init; }

    /// <summary>On a file system mounted noexec.</summary>
    public bool NoExec { get; init; }

    /// <summary>Whether it is what is behind MAP_SHARED and MAP_ANONYMOUS, and nobody's file.</summary>
    internal bool IsAnonymous { get; init; }

    /// <summary>The user it belongs to.</summary>
    public int Owner { get; init; }

    /// <summary>The device that it is on, and its number there, as /proc/PID/maps shows them.</summary>
    public DeviceInode Identity { get; set; }

    /// <summary>Whether everybody may write it; otherwise only its owner and the superuser.</summary>
    public bool WorldWritable { get; init; }

    /// <summary>Pages of it that are in memory.</summary>
    public int ResidentPages => _cache?.Count ?? 0;

    /// <summary>The pages of the file (i_size rounded up): the first page number that is an error to touch.</summary>
    internal ulong PageCount => (Size >> 12) + ((Size & 0xfff) != 0 ? 1UL : 0);

    /// <summary>Makes a regular file of given bytes, as if all of it had been read into memory before.</summary>
    /// <param name="name">The name that /proc/PID/maps shows.</param>
    /// <param name="content">The bytes; must not change while the file is in use. Frames are taken for the pages that are touched.</param>
    public static Inode FromBytes(string name, ReadOnlyMemory<byte> content) => new(InodeKind.Regular, name, content);

    /// <summary>Makes a regular file of a file of the host, read at once.</summary>
    /// <param name="path">The host's file; also the name that maps shows.</param>
    /// <param name="maximumBytes">The size from which on it is refused.</param>
    /// <exception cref="IOException">It cannot be read, or is larger.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static Inode FromHostFile(string path, long maximumBytes = 256L << 20)
    {
        using FileStream stream = File.OpenRead(path);
        if (stream.Length > maximumBytes)
        {
            throw new IOException($"{path} has {stream.Length} bytes, more than {maximumBytes}.");
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return new Inode(InodeKind.Regular, path, content);
    }

    /// <summary>Changes the size of a file (truncate): what lies behind the new end is unmapped everywhere, private copies included.</summary>
    /// <param name="machine">The machine whose processes map it.</param>
    /// <param name="size">The new bytes.</param>
    public void Truncate(LinuxMachine machine, ulong size)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (!_content.IsEmpty)
        {
            // The cache remembers where the content ends, even where nobody has looked into the file yet.
            Cache(machine);
        }

        ulong old = Size;
        _size = size;
        if (size < old)
        {
            FileMappings.Unmap(machine, this, PageCount, ulong.MaxValue, copiesToo: true);
            _cache?.Remove(PageCount, ulong.MaxValue);
            _cache?.ContentEndsAt(size);
            if ((size & 0xfff) != 0 && _cache is not null && _cache.TryGet(size >> 12, out ulong frame))
            {
                machine.Frames.Bytes(frame)[(int)(size & 0xfff)..].Clear();
            }
        }
    }

    /// <summary>Makes a hole of whole pages (fallocate with FALLOC_FL_PUNCH_HOLE): shared mappings lose the pages, private copies stay.</summary>
    /// <param name="machine">The machine whose processes map it.</param>
    /// <param name="first">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    public void PunchHole(LinuxMachine machine, ulong first, ulong end)
    {
        ArgumentNullException.ThrowIfNull(machine);
        FileMappings.Unmap(machine, this, first, end, copiesToo: false);
        PageCache cache = Cache(machine);
        cache.Remove(first, end);
        cache.MakeHole(first, Math.Min(end, PageCount));
    }

    /// <summary>Reads bytes as read(2) does.</summary>
    /// <param name="machine">The machine in whose memory the pages are.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Where they go.</param>
    /// <returns>Bytes read: fewer at the end of the file, or where no page can be had.</returns>
    public int Read(LinuxMachine machine, ulong offset, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length && offset < Size)
        {
            if (!Cache(machine).TryRead(offset >> 12, out ulong frame))
            {
                break;
            }

            int at = (int)(offset & 0xfff);
            int count = (int)Math.Min((ulong)Math.Min(4096 - at, destination.Length - done), Size - offset);
            machine.Frames.Contents(frame).Slice(at, count).CopyTo(destination[done..]);
            done += count;
            offset += (ulong)count;
        }

        return done;
    }

    /// <summary>Writes bytes as write(2) does, seals and permissions aside; the file grows as needed.</summary>
    /// <param name="machine">The machine in whose memory the pages are.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>Bytes written: fewer only where no page can be had.</returns>
    public int Write(LinuxMachine machine, ulong offset, ReadOnlySpan<byte> source)
    {
        int done = 0;
        while (done < source.Length)
        {
            int at = (int)(offset & 0xfff);
            int count = Math.Min(4096 - at, source.Length - done);
            if (!Cache(machine).TryRead(offset >> 12, out ulong frame))
            {
                break;
            }

            source.Slice(done, count).CopyTo(machine.Frames.Bytes(frame)[at..]);
            if (Kind == InodeKind.SharedMemory)
            {
                // What only memory holds; a file of a disk counts as written back at once.
                machine.Pages[frame].MarkDirty();
            }

            done += count;
            offset += (ulong)count;
            _size = Math.Max(_size, offset);
        }

        return done;
    }

    /// <summary>The pages in memory.</summary>
    /// <exception cref="ArgumentException">Another machine holds them.</exception>
    internal PageCache Cache(LinuxMachine machine)
    {
        if (_cache is null)
        {
            _cache = new PageCache(machine, machine.NumberInode(this), Kind, _content, PageCount);
        }
        else if (_cache.Machine != machine)
        {
            throw new ArgumentException($"{Name} is in the memory of another machine.", nameof(machine));
        }

        return _cache;
    }

    /// <summary>Takes out of memory what can be read again: the pages of a regular file that nobody maps and nobody wrote (drop_caches).</summary>
    public void DropCache() => _cache?.DropClean();

    /// <summary>One description in use more, or one less; shared memory goes with its last one, a file of a disk stays cached.</summary>
    internal void CountUses(int change)
    {
        _uses += change;
        if (_uses == 0 && Kind == InodeKind.SharedMemory)
        {
            if (_cache is { } cache)
            {
                _cache = null;
                cache.Remove(0, ulong.MaxValue);
                cache.Machine.ForgetInode(cache.Number);
            }
        }
    }
}
