using FastMmu.Cli.Programs;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>How traces are judged.</summary>
internal sealed record ReplayOptions
{
    /// <summary>What is not compared.</summary>
    public SkippedComparisons Skipped { get; init; }

    /// <summary>How many mismatches of a file are kept with their details.</summary>
    public int Shown { get; init; } = 10;

    /// <summary>Only traces of this level.</summary>
    public int? Level { get; init; }

    /// <summary>Only traces whose name contains this.</summary>
    public string? Id { get; init; }

    /// <summary>What kind of kernel answers.</summary>
    public KernelKind Kernel { get; init; } = KernelKind.ProgramOnly;

    /// <summary>Whether a trace is to be judged.</summary>
    public bool Takes(TraceHeader header) => (Level is null || header.Level == Level) && (Id is null || header.Id.Contains(Id, StringComparison.Ordinal));
}
