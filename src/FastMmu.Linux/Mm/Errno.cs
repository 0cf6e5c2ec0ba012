namespace FastMmu.Linux.Mm;

/// <summary>Error numbers of the x86 kernel; a system call returns their negation.</summary>
/// <remarks>Source: include/uapi/asm-generic/errno-base.h and errno.h.</remarks>
public static class Errno
{
    /// <summary>Operation not permitted.</summary>
    public const int EPERM = 1;

    /// <summary>No such file or directory.</summary>
    public const int ENOENT = 2;

    /// <summary>Input/output error.</summary>
    public const int EIO = 5;

    /// <summary>Argument list too long.</summary>
    public const int E2BIG = 7;

    /// <summary>Not a program.</summary>
    public const int ENOEXEC = 8;

    /// <summary>Bad file descriptor.</summary>
    public const int EBADF = 9;

    /// <summary>Try again.</summary>
    public const int EAGAIN = 11;

    /// <summary>Out of memory.</summary>
    public const int ENOMEM = 12;

    /// <summary>Permission denied.</summary>
    public const int EACCES = 13;

    /// <summary>Bad address.</summary>
    public const int EFAULT = 14;

    /// <summary>Device or resource busy.</summary>
    public const int EBUSY = 16;

    /// <summary>Already exists.</summary>
    public const int EEXIST = 17;

    /// <summary>No such device.</summary>
    public const int ENODEV = 19;

    /// <summary>A part of a path is not a directory.</summary>
    public const int ENOTDIR = 20;

    /// <summary>Invalid argument.</summary>
    public const int EINVAL = 22;

    /// <summary>File too large.</summary>
    public const int EFBIG = 27;

    /// <summary>No space left.</summary>
    public const int ENOSPC = 28;

    /// <summary>File name too long.</summary>
    public const int ENAMETOOLONG = 36;

    /// <summary>No such system call.</summary>
    public const int ENOSYS = 38;

    /// <summary>Too many levels of links or interpreters.</summary>
    public const int ELOOP = 40;

    /// <summary>Value too large.</summary>
    public const int EOVERFLOW = 75;

    /// <summary>Accessing a corrupted shared library.</summary>
    public const int ELIBBAD = 80;

    /// <summary>Operation not supported.</summary>
    public const int EOPNOTSUPP = 95;

    /// <summary>The kernel's internal spelling of "not supported", which some calls let through.</summary>
    public const int ENOTSUPP = 524;

    /// <summary>Whether a raw return value stands for an error: -4095 to -1.</summary>
    /// <param name="result">A system call's return value.</param>
    public static bool IsError(long result) => (ulong)result >= unchecked((ulong)-4095L);
}
