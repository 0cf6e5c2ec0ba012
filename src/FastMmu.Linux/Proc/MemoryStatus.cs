using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Proc;

/// <summary>The memory lines of /proc/PID/status, in kB.</summary>
/// <remarks>Source: fs/proc/task_mmu.c:task_mem of Linux 6.18.</remarks>
public readonly record struct MemoryStatus
{
    /// <summary>The most that <see cref="Size"/> has been.</summary>
    public long Peak { get; init; }

    /// <summary>All areas.</summary>
    public long Size { get; init; }

    /// <summary>Locked areas.</summary>
    public long Locked { get; init; }

    /// <summary>Pinned pages.</summary>
    public long Pinned { get; init; }

    /// <summary>Private writable areas.</summary>
    public long Data { get; init; }

    /// <summary>Growing areas.</summary>
    public long Stack { get; init; }

    /// <summary>The program's code.</summary>
    public long Executable { get; init; }

    /// <summary>Other executable areas.</summary>
    public long Library { get; init; }

    /// <summary>Page tables.</summary>
    public long PageTables { get; init; }

    /// <summary>Resident anonymous pages.</summary>
    public long ResidentAnonymous { get; init; }

    /// <summary>Resident pages of files.</summary>
    public long ResidentFile { get; init; }

    /// <summary>Resident pages of shmem.</summary>
    public long ResidentShmem { get; init; }

    /// <summary>The most that <see cref="Resident"/> has been.</summary>
    public long PeakResident { get; init; }

    /// <summary>The lines in the file's order: names as there, values in kB.</summary>
    public IEnumerable<(string Name, long Kilobytes)> Lines =>
    [
        ("VmPeak", Peak), ("VmSize", Size), ("VmLck", Locked), ("VmPin", Pinned), ("VmHWM", PeakResident), ("VmRSS", Resident),
        ("RssAnon", ResidentAnonymous), ("RssFile", ResidentFile), ("RssShmem", ResidentShmem), ("VmData", Data), ("VmStk", Stack),
        ("VmExe", Executable), ("VmLib", Library), ("VmPTE", PageTables), ("VmSwap", 0), ("HugetlbPages", 0),
    ];

    /// <summary>All resident pages.</summary>
    public long Resident => ResidentAnonymous + ResidentFile + ResidentShmem;

    /// <summary>Reads the counters of an address space.</summary>
    public static MemoryStatus Of(AddressSpace mm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        // Code counts whole pages, and never more than there are executable pages.
        ulong text = Math.Min(((mm.EndCode + 0xfff) & ~0xfffUL) - (mm.StartCode & ~0xfffUL), mm.ExecVm << 12);
        return new MemoryStatus
        {
            Peak = Kilobytes(Math.Max(mm.HiwaterVm, mm.TotalVm)),
            Size = Kilobytes(mm.TotalVm),
            Locked = Kilobytes(mm.LockedVm),
            Pinned = Kilobytes(mm.PinnedVm),
            Data = Kilobytes(mm.DataVm),
            Stack = Kilobytes(mm.StackVm),
            Executable = (long)(text >> 10),
            Library = (long)(((mm.ExecVm << 12) - text) >> 10),
            PageTables = (long)(mm.Tables.TableBytes >> 10),
            PeakResident = Kilobytes(mm.Tables.HiwaterRss),
            ResidentAnonymous = Kilobytes(mm.Tables.RssAnon),
            ResidentFile = Kilobytes(mm.Tables.RssFile),
            ResidentShmem = Kilobytes(mm.Tables.RssShmem),
        };
    }

    private static long Kilobytes(ulong pages) => (long)(pages << 2);
}
