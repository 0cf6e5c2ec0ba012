using System.Diagnostics.CodeAnalysis;

namespace FastMmu.Cli.MmTraces;

/// <summary>Names and argument counts of the calls.</summary>
internal static class TraceCalls
{
    private static readonly (string Name, TraceCall Call, int Least, int Most)[] All =
    [
        ("brk", TraceCall.Brk, 1, 1),
        ("mmap", TraceCall.Mmap, 6, 6),
        ("munmap", TraceCall.Munmap, 2, 2),
        ("mprotect", TraceCall.Mprotect, 3, 3),
        ("mremap", TraceCall.Mremap, 5, 5),
        ("madvise", TraceCall.Madvise, 3, 3),
        ("mlock", TraceCall.Mlock, 2, 2),
        ("mlock2", TraceCall.Mlock2, 3, 3),
        ("munlock", TraceCall.Munlock, 2, 2),
        ("mlockall", TraceCall.Mlockall, 1, 1),
        ("munlockall", TraceCall.Munlockall, 0, 0),
        ("msync", TraceCall.Msync, 3, 3),
        ("mincore", TraceCall.Mincore, 2, 2),
        ("mseal", TraceCall.Mseal, 3, 3),
        ("remap_file_pages", TraceCall.RemapFilePages, 5, 5),
        ("setrlimit", TraceCall.Setrlimit, 3, 3),
        ("ftruncate", TraceCall.Ftruncate, 2, 2),
        ("touch", TraceCall.Touch, 2, 3),
        ("pagemap", TraceCall.Pagemap, 2, 2),
        ("fork", TraceCall.Fork, 0, 0),
        ("exit", TraceCall.Exit, 0, 0),
        ("prctl", TraceCall.Prctl, 2, 5),
    ];

    private static readonly byte[][] Utf8Names = [.. All.Select(c => System.Text.Encoding.ASCII.GetBytes(c.Name))];

    /// <summary>The kernel's name of a call.</summary>
    public static string Name(TraceCall call) => All[(int)call].Name;

    /// <summary>How many arguments a call takes at least and at most.</summary>
    public static (int Least, int Most) Arguments(TraceCall call) => (All[(int)call].Least, All[(int)call].Most);

    /// <summary>The call of a name.</summary>
    public static bool TryParse(ReadOnlySpan<byte> name, out TraceCall call)
    {
        for (int i = 0; i < Utf8Names.Length; i++)
        {
            if (!name.SequenceEqual(Utf8Names[i])) continue;
            call = All[i].Call;
            return true;
        }

        call = default;
        return false;
    }

    /// <summary>The number of a resource limit by its name without RLIMIT_.</summary>
    public static bool TryResource(ReadOnlySpan<char> name, out ulong resource)
    {
        resource = name switch { "DATA" => 2, "STACK" => 3, "MEMLOCK" => 8, "AS" => 9, _ => ulong.MaxValue };
        return resource != ulong.MaxValue;
    }

    /// <summary>The name of a resource limit, or null for one that memory management does not know.</summary>
    [SuppressMessage("Style", "IDE0072", Justification = "the other limits do not matter here")]
    public static string? ResourceName(ulong resource) => resource switch { 2 => "DATA", 3 => "STACK", 8 => "MEMLOCK", 9 => "AS", _ => null };
}
