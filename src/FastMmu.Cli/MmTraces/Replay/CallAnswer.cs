using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>What came of a call.</summary>
/// <param name="Result">Its answer.</param>
internal readonly record struct CallAnswer(TraceResult Result)
{
    /// <summary>The byte that a read found; -1 where none was read.</summary>
    public int ReadByte { get; init; } = -1;

    /// <summary>The bytes of mincore or the words of pagemap; null for other calls and for failures.</summary>
    public long[]? Pages { get; init; }

    /// <summary>The process that a fork made.</summary>
    public LinuxTask? Child { get; init; }
}
