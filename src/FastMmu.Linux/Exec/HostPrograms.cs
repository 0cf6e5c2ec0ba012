using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>The programs of the computer that this runs on.</summary>
/// <remarks>A file is read whole when it is first opened and kept; what changes on the disk afterwards is not seen.</remarks>
public sealed class HostPrograms : IProgramFiles
{
    private const int MaximumLinks = 40;
    private const int MaximumName = 255;
    private readonly Dictionary<string, ProgramFile> _read = new(StringComparer.Ordinal);
    private readonly long _maximumBytes;

    /// <summary>The file system of this computer.</summary>
    /// <param name="maximumBytes">The size from which on a file is refused with ENOMEM.</param>
    public HostPrograms(long maximumBytes = 256L << 20) => _maximumBytes = maximumBytes;

    /// <inheritdoc/>
    public int Open(string path, out ProgramFile? file)
    {
        ArgumentNullException.ThrowIfNull(path);
        file = null;
        if (path.Split('/').Any(name => name.Length > MaximumName))
        {
            return Errno.ENAMETOOLONG;
        }

        try
        {
            int error = Resolve(Path.GetFullPath(path), out string real);
            if (error != 0)
            {
                return error;
            }

            if (Directory.Exists(real))
            {
                return Errno.EACCES;
            }

            if (path.EndsWith('/'))
            {
                return Errno.ENOTDIR;
            }

            return _read.TryGetValue(real, out file) ? 0 : Read(real, out file);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or System.Security.SecurityException)
        {
            return Errno.EACCES;
        }
        catch (Exception failure) when (failure is IOException or ArgumentException or NotSupportedException)
        {
            return Errno.EIO;
        }
    }

    // What /proc/PID/maps shows is the path with all its links followed.
    private static int Resolve(string path, out string real)
    {
        real = Path.GetPathRoot(path) ?? "/";
        int links = 0;
        Stack<string> left = new(path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        while (left.TryPop(out string? name))
        {
            string next = Path.GetFullPath(Path.Combine(real, name));
            FileSystemInfo found = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (!found.Exists && found.LinkTarget is null)
            {
                return File.Exists(real) ? Errno.ENOTDIR : Errno.ENOENT;
            }

            if (found.LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MaximumLinks)
            {
                return Errno.ELOOP;
            }

            string full = Path.GetFullPath(Path.Combine(real, target));
            real = Path.GetPathRoot(full) ?? "/";
            foreach (string part in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                left.Push(part);
            }
        }

        return 0;
    }

    private int Read(string real, out ProgramFile? file)
    {
        file = null;
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        if ((File.GetAttributes(real) & (FileAttributes.Device | FileAttributes.Directory)) != 0
            || (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(real) & Execute) == 0))
        {
            return Errno.EACCES;
        }

        // Whatever says that it holds nothing is not opened: a pipe would wait for a writer.
        if (new FileInfo(real).Length == 0)
        {
            file = new ProgramFile(real, ReadOnlyMemory<byte>.Empty);
            return 0;
        }

        using FileStream stream = new(real, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        if (!stream.CanSeek)
        {
            return Errno.EACCES;
        }

        if (stream.Length > _maximumBytes)
        {
            return Errno.ENOMEM;
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        file = _read[real] = new ProgramFile(real, content);
        return 0;
    }
}
