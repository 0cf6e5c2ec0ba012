using FastMmu.Linux.Proc;

namespace FastMmu.Cli.Programs;

/// <summary>The memory counters of /proc/PID/status, in its order.</summary>
internal static class ProgramCounters
{
    /// <summary>Names and values in kB.</summary>
    public static IReadOnlyList<(string Name, Func<MemoryStatus, long> Value)> All { get; } =
    [
        ("VmPeak", s => s.Peak), ("VmSize", s => s.Size), ("VmLck", s => s.Locked), ("VmPin", s => s.Pinned), ("VmRSS", s => s.Resident),
        ("RssAnon", s => s.ResidentAnonymous), ("RssFile", s => s.ResidentFile), ("RssShmem", s => s.ResidentShmem), ("VmData", s => s.Data),
        ("VmStk", s => s.Stack), ("VmExe", s => s.Executable), ("VmLib", s => s.Library), ("VmPTE", s => s.PageTables),
    ];
}
