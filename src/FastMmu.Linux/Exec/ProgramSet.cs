using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>A file system in memory: a few files under their absolute paths, and the directories that those paths imply.</summary>
public sealed class ProgramSet : IProgramFiles
{
    private const int MaximumName = 255;
    private readonly Dictionary<string, ProgramFile?> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal) { "/" };

    /// <summary>The directory that relative paths start from, absolute.</summary>
    public string WorkingDirectory { get; set; } = "/";

    /// <summary>Adds a file that may be executed, or another name for one.</summary>
    /// <param name="path">Its absolute path, without <c>.</c> and <c>..</c>.</param>
    /// <param name="file">The file.</param>
    public void Add(string path, ProgramFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        AddName(path, file);
    }

    /// <summary>Adds something that is there and may not be executed: a file without the permission, or a device.</summary>
    /// <param name="path">Its absolute path.</param>
    public void AddForbidden(string path) => AddName(path, null);

    /// <summary>Adds an empty directory.</summary>
    /// <param name="path">Its absolute path.</param>
    public void AddDirectory(string path)
    {
        AddParents(path);
        _directories.Add(path);
    }

    /// <inheritdoc/>
    public int Open(string path, out ProgramFile? file)
    {
        ArgumentNullException.ThrowIfNull(path);
        file = null;
        string at = path.StartsWith('/') ? "/" : WorkingDirectory;
        bool mustBeDirectory = path.EndsWith('/');
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!_directories.Contains(at))
            {
                return _files.ContainsKey(at) ? Errno.ENOTDIR : Errno.ENOENT;
            }

            if (name.Length > MaximumName)
            {
                return Errno.ENAMETOOLONG;
            }

            at = name switch
            {
                "." => at,
                ".." => Parent(at),
                _ => at == "/" ? "/" + name : at + "/" + name,
            };
        }

        if (_directories.Contains(at))
        {
            return Errno.EACCES;
        }

        return !_files.TryGetValue(at, out file) ? Errno.ENOENT : mustBeDirectory ? Errno.ENOTDIR : file is null ? Errno.EACCES : 0;
    }

    private static string Parent(string path) => path.LastIndexOf('/') is > 0 and int slash ? path[..slash] : "/";

    private void AddName(string path, ProgramFile? file)
    {
        AddParents(path);
        _files[path] = file;
    }

    private void AddParents(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.StartsWith('/') || path.Length == 1 || path.EndsWith('/'))
        {
            throw new ArgumentException($"'{path}' is no absolute path of a file.", nameof(path));
        }

        for (string parent = Parent(path); _directories.Add(parent); parent = Parent(parent))
        {
        }
    }
}
