namespace FastMmu.Tests.Linux.Reference;

/// <summary>What kind of object a descriptor opens; each has its own rules for mmap.</summary>
internal enum ReferenceFileKind
{
    /// <summary>A file of a disk file system, which asks for huge alignment.</summary>
    Disk,

    /// <summary>A file of tmpfs, or a memfd.</summary>
    Shmem,

    /// <summary>/dev/zero.</summary>
    Zero,

    /// <summary>A pipe or a directory.</summary>
    Unmappable,
}

/// <summary>The object behind open descriptions.</summary>
internal sealed class ReferenceInode(ReferenceFileKind kind, ulong size)
{
    public ReferenceFileKind Kind { get; } = kind;

    public ulong Size { get; set; } = size;

    public bool SealedAgainstWrites { get; init; }
}

/// <summary>An open file description. Two opens of one file are two of them, and areas of the two never merge.</summary>
internal sealed class ReferenceFile(string name, ReferenceInode inode)
{
    public string Name { get; } = name;

    public ReferenceInode Inode { get; } = inode;

    public bool Readable { get; init; } = true;

    public bool Writable { get; init; } = true;

    public bool NoExec { get; init; }

    public bool PathOnly { get; init; }
}
