using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>A process of a trace: as it is, and as it was recorded.</summary>
internal sealed class ReplayProcess(int index, LinuxTask? task)
{
    /// <summary>Its number in the trace.</summary>
    public int Index { get; } = index;

    /// <summary>The process; null for one that the recorded fork made and the replayed one did not.</summary>
    public LinuxTask? Task { get; } = task;

    /// <summary>Whether it has not exited.</summary>
    public bool IsAlive { get; set; } = true;

    /// <summary>The recorded areas.</summary>
    public List<TraceArea> ExpectedAreas { get; } = [];

    /// <summary>The recorded areas before the last change of them.</summary>
    public List<TraceArea> AreasBefore { get; } = [];

    /// <summary>The recorded counters.</summary>
    public long[] ExpectedCounters { get; } = new long[Enum.GetValues<TraceCounter>().Length];

    /// <summary>The areas it has.</summary>
    public List<TraceArea> Areas { get; } = [];

    /// <summary>The resident pages of its areas, in order, as they were last counted.</summary>
    public List<CountedArea> Counted { get; set; } = [];

    /// <summary>What <see cref="Counted"/> was before.</summary>
    public List<CountedArea> CountedBefore { get; set; } = [];

    /// <summary>At which of <see cref="Linux.Pages.UserPages.Changes"/> they were counted.</summary>
    public ulong CountedAt { get; set; }

    /// <summary>When areas were last found to be as recorded; null if they were not.</summary>
    public AreaStamp? AgreedAt { get; set; }

    /// <summary>How often the recorded areas have changed.</summary>
    public int ExpectedChanges { get; private set; }

    /// <summary>Takes over a recorded change of the list of areas.</summary>
    /// <exception cref="FormatException">The list has not so many areas.</exception>
    public void Apply(MmTrace trace, in AreaChange change)
    {
        if (!change.Areas.IsThere) return;
        if (change.Index > ExpectedAreas.Count || change.Removed > ExpectedAreas.Count - change.Index) throw new FormatException("'d' replaces areas that the list has not");
        ExpectedChanges++;
        AreasBefore.Clear();
        AreasBefore.AddRange(ExpectedAreas);
        ExpectedAreas.RemoveRange(change.Index, change.Removed);
        ExpectedAreas.InsertRange(change.Index, trace.Areas(change.Areas));
    }

    /// <summary>Takes over recorded counters.</summary>
    public void Apply(MmTrace trace, PoolRange counters) => trace.Numbers(counters).CopyTo(ExpectedCounters);
}
