namespace FastMmu.Linux.Files;

/// <summary>An open file description (struct file): an inode and the way it was opened.</summary>
/// <remarks>It is in use while descriptors show it or areas map it. When nothing uses an inode any more, its pages are given back.</remarks>
public sealed class OpenFile
{
    private int _descriptors;

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
    public int Mappings { get; private set; }

    /// <summary>Pages charged against the overcommit limit for shared anonymous memory.</summary>
    internal ulong ChargedPages { get; set; }

    /// <summary>One area more, or one less.</summary>
    internal void CountMappings(int change) => Count(change, 0);

    /// <summary>One descriptor more, or one less.</summary>
    internal void CountDescriptors(int change) => Count(0, change);

    private void Count(int mappings, int descriptors)
    {
        bool used = Mappings + _descriptors > 0;
        Mappings += mappings;
        _descriptors += descriptors;
        bool uses = Mappings + _descriptors > 0;
        if (used != uses)
        {
            Inode.CountUses(uses ? 1 : -1);
        }
    }
}
