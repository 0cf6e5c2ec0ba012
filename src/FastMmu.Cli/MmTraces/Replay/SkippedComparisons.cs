namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>What the trace format lets a model leave out, and <see cref="Resident"/> for one that has no page faults. Each is asked for by name.</summary>
[Flags]
internal enum SkippedComparisons
{
    /// <summary>Everything is compared.</summary>
    None = 0,

    /// <summary><c>fault-around</c>: how many pages of files are resident, which depends on what the page cache held.</summary>
    FaultAround = 1 << 0,

    /// <summary><c>vmpte</c>: how many page tables there are.</summary>
    TableBytes = 1 << 1,

    /// <summary><c>vmpeak</c>: the most that the address space has been.</summary>
    Peak = 1 << 2,

    /// <summary><c>resident</c>: everything about resident pages.</summary>
    Resident = 1 << 3,
}
