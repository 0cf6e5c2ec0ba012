using System.Collections.Frozen;
using System.Globalization;

namespace FastMmu.Cli.MmTraces;

/// <summary>The error numbers that memory calls answer, by name.</summary>
internal static class ErrnoNames
{
    private static readonly FrozenDictionary<string, int> Numbers = new Dictionary<string, int>
    {
        ["EPERM"] = 1, ["ENOENT"] = 2, ["ESRCH"] = 3, ["EINTR"] = 4, ["EIO"] = 5, ["ENXIO"] = 6, ["E2BIG"] = 7, ["ENOEXEC"] = 8, ["EBADF"] = 9,
        ["ECHILD"] = 10, ["EAGAIN"] = 11, ["ENOMEM"] = 12, ["EACCES"] = 13, ["EFAULT"] = 14, ["ENOTBLK"] = 15, ["EBUSY"] = 16, ["EEXIST"] = 17,
        ["EXDEV"] = 18, ["ENODEV"] = 19, ["ENOTDIR"] = 20, ["EISDIR"] = 21, ["EINVAL"] = 22, ["ENFILE"] = 23, ["EMFILE"] = 24, ["ENOTTY"] = 25,
        ["ETXTBSY"] = 26, ["EFBIG"] = 27, ["ENOSPC"] = 28, ["ESPIPE"] = 29, ["EROFS"] = 30, ["EMLINK"] = 31, ["EPIPE"] = 32, ["EDOM"] = 33,
        ["ERANGE"] = 34, ["EDEADLK"] = 35, ["ENAMETOOLONG"] = 36, ["ENOLCK"] = 37, ["ENOSYS"] = 38, ["ENOTEMPTY"] = 39, ["ELOOP"] = 40,
        ["EOVERFLOW"] = 75, ["ELIBACC"] = 79, ["ELIBBAD"] = 80, ["ELIBSCN"] = 81, ["EOPNOTSUPP"] = 95, ["EHWPOISON"] = 133,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<int, string> Names = Numbers.ToFrozenDictionary(n => n.Value, n => n.Key);

    /// <summary>The number of <c>-ENAME</c>, negated, or of <c>-E4095</c> where the number has no name.</summary>
    public static bool TryParseSigned(string text, out long value)
    {
        value = 0;
        if (!text.StartsWith('-')) return false;
        string name = text[1..];
        if (Numbers.TryGetValue(name, out int number) || (name.StartsWith('E') && int.TryParse(name.AsSpan(1), NumberStyles.None, null, out number) && number is > 0 and <= 4095))
        {
            value = -number;
            return true;
        }

        return false;
    }

    /// <summary>A negated error number as <c>-ENAME</c>, or <c>-E4095</c> where it has no name.</summary>
    public static string Signed(long value) => Names.TryGetValue((int)-value, out string? name) ? "-" + name : $"-E{-value}";
}
