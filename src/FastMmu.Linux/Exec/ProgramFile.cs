using FastMmu.Linux.Files;

namespace FastMmu.Linux.Exec;

/// <summary>A file that may be executed: its bytes, and the inode through which they are mapped.</summary>
/// <remarks>A file belongs to the one <see cref="LinuxMachine"/> that first maps it, as its <see cref="Inode"/> does.</remarks>
public sealed class ProgramFile
{
    /// <summary>Makes a file of bytes.</summary>
    /// <param name="name">The absolute path that /proc/PID/maps shows.</param>
    /// <param name="content">The bytes; must not change while the file is in use.</param>
    public ProgramFile(string name, ReadOnlyMemory<byte> content)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name;
        Content = content;
        Inode = Inode.FromBytes(name, content);
    }

    /// <summary>The absolute path that /proc/PID/maps shows.</summary>
    public string Name { get; }

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>The file as areas map it.</summary>
    public Inode Inode { get; }

    /// <summary>The part of the path behind the last slash.</summary>
    public string BaseName => Name[(Name.LastIndexOf('/') + 1)..];
}
