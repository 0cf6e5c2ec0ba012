namespace FastMmu.Linux.Files;

/// <summary>An open file description (struct file): an inode and the way it was opened.</summary>
public sealed class OpenFile
{
    /// <summary>Opens an inode.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="readable">Opened for reading.</param>
    /// <param name="writable">Opened for writing.</param>
    public OpenFile(Inode inode, bool readable, bool writable)
    {
        Inode = inode;
        Readable = readable;
        Writable = writable;
    }

    /// <summary>The file.</summary>
    public Inode Inode { get; }

    /// <summary>Opened for reading.</summary>
    public bool Readable { get; }

    /// <summary>Opened for writing.</summary>
    public bool Writable { get; }

    /// <summary>Opened with O_PATH: a descriptor that mmap refuses.</summary>
    public bool PathOnly { get; init; }

    /// <summary>Its number among the machine's descriptions, as <see cref="Areas.Vma.File"/> holds it; 0 while no area maps it.</summary>
    public int Id { get; internal set; }

    /// <summary>Areas that map it.</summary>
    public int Mappings { get; internal set; }
}
