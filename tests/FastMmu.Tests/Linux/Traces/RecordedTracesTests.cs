using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.Programs;
using Xunit;

namespace FastMmu.Tests.Linux.Traces;

/// <summary>Every recorded call answers and changes what it did on the kernel, with nothing left out of the comparison.</summary>
public sealed class RecordedTracesTests
{
    public static TheoryData<string, int, int> Files { get; } = new()
    {
        { "level1.jsonl.gz", 24, 4800 },
        { "level2.jsonl.gz", 45, 9000 },
        { "level3.jsonl.gz", 45, 9000 },
        { "level4.jsonl.gz", 60, 12000 },
        { "level5.jsonl.gz", 24, 4800 },
        { "level6.jsonl.gz", 10, 2000 },
        { "directed.jsonl.gz", 45, 948 },
        { "areas.jsonl.gz", 108, 8262 },
        { "varied.jsonl.gz", 80, 11150 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Kernel_EveryCallOfTheFile_Agrees(string file, int traces, int calls) => Agrees(file, traces, calls, KernelKind.ProgramOnly);

    [Theory]
    [MemberData(nameof(Files))]
    public void WithoutTablesInTheGuest_EveryCallOfTheFile_Agrees(string file, int traces, int calls) => Agrees(file, traces, calls, KernelKind.User);

    private static void Agrees(string file, int traces, int calls, KernelKind kernel)
    {
        ReplayReport report = TraceReplay.Verify(RepositoryRoot.Data("mm", file), new ReplayOptions { Kernel = kernel });
        Assert.True(report.Mismatched == 0, Text(report));
        Assert.Equal(traces, report.Traces);
        Assert.Equal(calls, report.Calls);
        Assert.Equal((2 * traces) + calls, report.Checked);
    }

    [Fact]
    public void KernelsHalf_InThePageTables_ChangesNoAnswer()
    {
        ReplayReport report = TraceReplay.Verify(RepositoryRoot.Data("mm", "directed.jsonl.gz"), new ReplayOptions { Kernel = KernelKind.X8664 });
        Assert.True(report.Mismatched == 0, Text(report));
    }

    [Fact]
    public void Files_AllOfTheFolder_AreListed()
    {
        string[] present = [.. Directory.GetFiles(RepositoryRoot.Data("mm"), "*.gz").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Assert.Equal(Files.Select(f => f.Data.Item1).Order(StringComparer.Ordinal), present);
    }

    private static string Text(ReplayReport report) => string.Join('\n', report.Mismatches
        .Select(m => $"line {m.Line}, {m.Trace}: {m.What}: {string.Join("; ", m.Differences)}")
        .Prepend($"{report.Path}: {report.Checked} checked, {report.Mismatched} mismatched"));
}
