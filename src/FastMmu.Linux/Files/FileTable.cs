using System.Diagnostics.CodeAnalysis;

namespace FastMmu.Linux.Files;

/// <summary>The open file descriptors of a process.</summary>
public sealed class FileTable
{
    private readonly Dictionary<int, OpenFile> _open = [];

    /// <summary>Opens a descriptor, in place of what it was.</summary>
    public void Set(int descriptor, OpenFile file) => _open[descriptor] = file;

    /// <summary>Finds a descriptor.</summary>
    public bool TryGet(int descriptor, [NotNullWhen(true)] out OpenFile? file) => _open.TryGetValue(descriptor, out file);

    /// <summary>A table with the same descriptions.</summary>
    public FileTable Copy()
    {
        FileTable copy = new();
        foreach ((int descriptor, OpenFile file) in _open)
        {
            copy._open[descriptor] = file;
        }

        return copy;
    }
}
