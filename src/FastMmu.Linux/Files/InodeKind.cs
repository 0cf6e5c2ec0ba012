namespace FastMmu.Linux.Files;

/// <summary>What an inode is.</summary>
public enum InodeKind
{
    /// <summary>A file of a disk file system.</summary>
    Regular,

    /// <summary>A file of shmem: memfd, tmpfs or shared anonymous memory.</summary>
    SharedMemory,

    /// <summary>/dev/zero.</summary>
    ZeroDevice,

    /// <summary>A pipe.</summary>
    Pipe,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A file of hugetlbfs; the machine's pool of huge pages is empty.</summary>
    HugePages,
}
