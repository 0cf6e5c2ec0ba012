using System.Globalization;
using FastMmu.Cli.MmTraces;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>Runs recorded traces on the reference model and says where it answers otherwise than the kernel did.</summary>
internal sealed class ReferenceTraceJudge
{
    private readonly MmTrace _trace;
    private readonly ReferenceProcesses _model;
    private readonly Dictionary<int, Recorded> _recorded = [];

    private ReferenceTraceJudge(MmTrace trace)
    {
        _trace = trace;
        _model = new ReferenceProcesses(trace.Header);
        _recorded[0] = new Recorded([.. trace.Header.Areas], [.. trace.Header.Counters]);
    }

    // A process as the kernel had it.
    private sealed class Recorded(List<TraceArea> areas, long[] counters)
    {
        public List<TraceArea> Areas { get; } = areas;

        public long[] Counters { get; set; } = counters;
    }

    /// <summary>The first difference of each trace of a file.</summary>
    public static (int Calls, List<string> Differences) Judge(string path)
    {
        using TraceReader reader = TraceReader.Open(path);
        List<string> differences = [];
        int calls = 0;
        while (reader.ReadNext() is { } trace)
        {
            calls += trace.Ops.Count;
            if (new ReferenceTraceJudge(trace).Run() is { } difference) differences.Add($"{trace.Header.Id} {difference}");
        }

        return (calls, differences);
    }

    private string? Run()
    {
        if (_model.Differences(0, _recorded[0].Areas, _recorded[0].Counters) is { } atStart) return $"at the start: {atStart}";
        foreach (TraceOp op in _trace.Ops)
        {
            TraceResult answer = _model.Make(op, (int)op.Result.Value);
            if (op.Call is not TraceCall.Pagemap && answer != op.Result) return $"{Describe(op)}: {answer} instead of {op.Result}";

            Apply(_recorded[op.Process], op.Change, op.Counters);
            foreach (SideEffect effect in _trace.SideEffects(op.SideEffects)) Apply(_recorded[effect.Process], effect.Change, effect.Counters);
            if (op.Result.Kind == ResultKind.Child)
            {
                _recorded[(int)op.Result.Value] = new Recorded([.. _trace.Areas(op.ChildAreas)], [.. _trace.Numbers(op.ChildCounters)]);
            }

            foreach (int process in _model.Alive)
            {
                Recorded recorded = _recorded[process];
                if (_model.Differences(process, recorded.Areas, recorded.Counters) is { } difference)
                {
                    return $"{Describe(op)}: process {process}: {difference}";
                }
            }
        }

        return null;
    }

    private static string Describe(in TraceOp op)
    {
        ReadOnlySpan<ulong> all = op.Arguments;
        string arguments = string.Join(", ", all[..op.ArgumentCount].ToArray().Select(value => value.ToString("x", CultureInfo.InvariantCulture)));
        return $"op {op.Index} p{op.Process} {TraceCalls.Name(op.Call)}({arguments})";
    }

    private void Apply(Recorded process, AreaChange change, PoolRange counters)
    {
        if (change.Areas.IsThere)
        {
            process.Areas.RemoveRange(change.Index, change.Removed);
            process.Areas.InsertRange(change.Index, _trace.Areas(change.Areas));
        }

        if (counters.IsThere) process.Counters = [.. _trace.Numbers(counters)];
    }
}
