namespace FastMmu.Linux.Files;

/// <summary>A file itself, whichever ways it is open.</summary>
public sealed class Inode
{
    /// <summary>Makes an inode.</summary>
    public Inode(InodeKind kind, string name, ulong size)
    {
        Kind = kind;
        Name = name;
        Size = size;
    }

    /// <summary>What it is.</summary>
    public InodeKind Kind { get; }

    /// <summary>The name that /proc/PID/maps shows.</summary>
    public string Name { get; }

    /// <summary>Its bytes.</summary>
    public ulong Size { get; set; }

    /// <summary>Sealed with F_SEAL_WRITE: no shared writable mapping.</summary>
    public bool SealedAgainstWrites { get; init; }

    /// <summary>Only appending is allowed (chattr +a).</summary>
    public bool AppendOnly { get; init; }

    /// <summary>On a file system mounted noexec.</summary>
    public bool NoExec { get; init; }

    /// <summary>The user it belongs to.</summary>
    public int Owner { get; init; }
}
