using System.Diagnostics.CodeAnalysis;

namespace FastMmu.Linux.Files;

/// <summary>The open file descriptors of a process.</summary>
public sealed class FileTable
{
    private readonly Dictionary<int, OpenFile> _open = [];

    /// <summary>Opens a descriptor, in place of what it was (dup2).</summary>
    /// <param name="descriptor">The number.</param>
    /// <param name="file">What it shows from now on.</param>
    public void Set(int descriptor, OpenFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        file.CountDescriptors(1);
        Close(descriptor);
        _open.Add(descriptor, file);
    }

    /// <summary>Finds a descriptor.</summary>
    /// <param name="descriptor">The number.</param>
    /// <param name="file">What it shows.</param>
    public bool TryGet(int descriptor, [NotNullWhen(true)] out OpenFile? file) => _open.TryGetValue(descriptor, out file);

    /// <summary>Closes a descriptor (close).</summary>
    /// <param name="descriptor">The number.</param>
    /// <returns>Whether it was open.</returns>
    public bool Close(int descriptor)
    {
        if (!_open.Remove(descriptor, out OpenFile? file))
        {
            return false;
        }

        file.CountDescriptors(-1);
        return true;
    }

    /// <summary>Closes all descriptors, as the end of a process does.</summary>
    public void CloseAll()
    {
        foreach (int descriptor in _open.Keys.ToArray())
        {
            Close(descriptor);
        }
    }

    /// <summary>A table with the same descriptions (fork).</summary>
    public FileTable Copy()
    {
        FileTable copy = new();
        foreach ((int descriptor, OpenFile file) in _open)
        {
            copy.Set(descriptor, file);
        }

        return copy;
    }
}
