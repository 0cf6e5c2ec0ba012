using BenchmarkDotNet.Attributes;
using FastMmu.Cli.MmTraces;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Memory;
using Replayer = FastMmu.Cli.MmTraces.Replay.TraceReplay;

namespace FastMmu.Bench;

/// <summary>How many recorded calls can be replayed in a second, with the comparison of every answer and state, and a machine made for each trace?</summary>
[OperationsPerSecond]
public class TraceReplay
{
    // So much code is not compiled well after three short rounds.
    private const int RoundsToCompile = 40;
    private const int Levels = 6, TracesOfEach = 10, CallsOfEach = 200;

    private readonly List<MmTrace> _traces = [];
    private readonly ReplayOptions _options = new();
    private ReadOnlyMemory<byte> _program;
    private PhysicalMemory _memory = null!;

    [GlobalSetup]
    public void Read()
    {
        string folder = Path.Combine(Root(), "tests", "data", "mm");
        for (int level = 1; level <= Levels; level++)
        {
            string path = Path.Combine(folder, $"level{level}.jsonl.gz");
            using TraceReader reader = TraceReader.Open(path);
            for (int i = 0; i < TracesOfEach; i++)
            {
                MmTrace? trace = reader.ReadNext();
                if (trace?.Ops.Count != CallsOfEach) throw new InvalidOperationException($"{path}: trace {i} has not {CallsOfEach} calls.");
                _traces.Add(trace);
            }

            _program = TargetProgram.Beside(path);
        }

        _memory = ReplayMachine.CreateMemory();
        for (int i = 0; i < RoundsToCompile; i++) Replay();
    }

    [GlobalCleanup]
    public void End() => _memory.Dispose();

    /// <summary>The time is that of one call.</summary>
    [Benchmark(OperationsPerInvoke = Levels * TracesOfEach * CallsOfEach)]
    public long Replay()
    {
        var report = new ReplayReport("traces");
        foreach (MmTrace trace in _traces) Replayer.Run(trace, _program, _memory, _options, report);
        return report.Mismatched == 0 ? report.Checked : throw new InvalidOperationException("A replayed call disagrees with the recorded one.");
    }

    private static string Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FastMmu.sln"))) return folder.FullName;
        }

        throw new InvalidOperationException("FastMmu.sln is in no folder above the benchmarks.");
    }
}
