using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>The names of the errors that execve returns.</summary>
internal static class ErrnoName
{
    public static string Of(int error) => error switch
    {
        Errno.EPERM => nameof(Errno.EPERM),
        Errno.ENOENT => nameof(Errno.ENOENT),
        Errno.EIO => nameof(Errno.EIO),
        Errno.E2BIG => nameof(Errno.E2BIG),
        Errno.ENOEXEC => nameof(Errno.ENOEXEC),
        Errno.ENOMEM => nameof(Errno.ENOMEM),
        Errno.EACCES => nameof(Errno.EACCES),
        Errno.ENOTDIR => nameof(Errno.ENOTDIR),
        Errno.EINVAL => nameof(Errno.EINVAL),
        Errno.ENAMETOOLONG => nameof(Errno.ENAMETOOLONG),
        Errno.ELOOP => nameof(Errno.ELOOP),
        Errno.ELIBBAD => nameof(Errno.ELIBBAD),
        _ => $"E{error}",
    };
}
