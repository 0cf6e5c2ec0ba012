namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>A line of a trace that disagrees.</summary>
/// <param name="Line">Its line in the file.</param>
/// <param name="Trace">The trace.</param>
/// <param name="What">The call with its arguments, or which end of the trace it is.</param>
/// <param name="Differences">One text each.</param>
internal sealed record ReplayMismatch(long Line, string Trace, string What, IReadOnlyList<string> Differences);

/// <summary>Lines of one kind.</summary>
internal sealed class ReplayCount
{
    /// <summary>Lines judged.</summary>
    public long Checked { get; set; }

    /// <summary>Lines in which something disagreed.</summary>
    public long Mismatched { get; set; }

    /// <summary>Those of them that were the first of their trace: what disagrees later may only follow from it.</summary>
    public long First { get; set; }
}

/// <summary>What came of the traces of one file.</summary>
internal sealed class ReplayReport(string path)
{
    private readonly ReplayCount?[] _calls = new ReplayCount?[Enum.GetValues<TraceCall>().Length];

    /// <summary>The file as the user named it.</summary>
    public string Path { get; } = path;

    /// <summary>Traces replayed.</summary>
    public int Traces { get; set; }

    /// <summary>Calls made.</summary>
    public long Calls { get; set; }

    /// <summary>Traces with a mismatch.</summary>
    public int Diverged { get; set; }

    /// <summary>Lines judged: each trace's start, calls and end.</summary>
    public long Checked { get; set; }

    /// <summary>Lines that disagree.</summary>
    public long Mismatched { get; set; }

    /// <summary>Time spent in the replayed calls, without reading the file.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>Counts by what the line is: a call's name, "start" or "end".</summary>
    public SortedDictionary<string, ReplayCount> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>How many lines differ in what was skipped.</summary>
    public SortedDictionary<SkippedComparisons, long> Skipped { get; } = [];

    /// <summary>The first mismatch of each trace, as many as were asked for.</summary>
    public List<ReplayMismatch> Mismatches { get; } = [];

    /// <summary>The counts of a call's lines.</summary>
    public ReplayCount CountOf(TraceCall call) => _calls[(int)call] ??= CountOf(TraceCalls.Name(call));

    /// <summary>The counts of a kind of line.</summary>
    public ReplayCount CountOf(string kind)
    {
        if (!Counts.TryGetValue(kind, out ReplayCount? count)) Counts.Add(kind, count = new());
        return count;
    }
}
