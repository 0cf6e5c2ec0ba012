using System.Globalization;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.Programs;
using FastMmu.Memory;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>What one call of a script did.</summary>
/// <param name="Command">The call.</param>
/// <param name="Op">The call with its arguments as numbers.</param>
/// <param name="Answer">What it answered.</param>
/// <param name="Changes">What it changed, process by process.</param>
internal sealed record ScriptStep(ScriptCommand Command, TraceOp Op, CallAnswer Answer, IReadOnlyList<ProcessChange> Changes);

/// <summary>What a call changed in one process.</summary>
/// <param name="Process">The process.</param>
/// <param name="Removed">Areas that are no more, or not like that.</param>
/// <param name="Added">Areas that have come.</param>
/// <param name="Counters">Counters that changed: before and after, in kB.</param>
internal sealed record ProcessChange(int Process, IReadOnlyList<TraceArea> Removed, IReadOnlyList<TraceArea> Added, IReadOnlyList<(TraceCounter Counter, long Before, long After)> Counters)
{
    /// <summary>Whether nothing changed.</summary>
    public bool IsEmpty => Removed.Count == 0 && Added.Count == 0 && Counters.Count == 0;
}

/// <summary>Makes the calls of a scenario on a fresh machine.</summary>
internal sealed class ScriptRunner : IDisposable
{
    private readonly Scenario _scenario;
    private readonly PhysicalMemory _memory = ReplayMachine.CreateMemory();
    private readonly ReplayMachine _machine;
    private readonly ProcessState _state = new();
    private readonly List<Snapshot> _processes = [];
    private readonly List<long?> _results = [];
    private ulong? _last;

    /// <param name="scenario">What to run.</param>
    /// <param name="path">The script's file, for messages.</param>
    /// <param name="kernel">What kind of kernel; four levels and no half of its own if not given.</param>
    /// <exception cref="InputException">The scenario's process is none of this kernel.</exception>
    public ScriptRunner(Scenario scenario, string path, KernelKind? kernel = null)
    {
        _scenario = scenario;
        Path = path;
        try
        {
            _machine = new ReplayMachine(scenario.Header, TargetProgram.Find(path) ?? StandardProcess.Program, _memory, kernel);
        }
        catch (FormatException failure)
        {
            _memory.Dispose();
            throw new InputException($"{path}:{scenario.Line}: {failure.Message}", failure);
        }

        _processes.Add(Take(_machine.First));
    }

    private string Path { get; }

    /// <summary>The areas that the first process starts with.</summary>
    public IReadOnlyList<TraceArea> Areas => _processes[0].Areas;

    /// <summary>The processes that there are now, by their index; null for one that has exited.</summary>
    public IReadOnlyList<LinuxTask?> Tasks => [.. _processes.Select(p => p.Task)];

    /// <summary>Makes the calls one by one.</summary>
    /// <exception cref="InputException">A call names a process or a result that is not there.</exception>
    public IEnumerable<ScriptStep> Run()
    {
        foreach (ScriptCommand command in _scenario.Commands)
        {
            if (command.Process >= _processes.Count || _processes[command.Process].Task is not { } task) throw Refuse(command, $"there is no process {command.Process}");
            TraceOp op = Evaluate(command, _processes[command.Process]);
            CallAnswer answer = _machine.Make(op, task);
            bool isAddress = op.Call is TraceCall.Mmap or TraceCall.Mremap && answer.Result.Value is not (< 0 and >= -4095);
            _results.Add(answer.Result.Kind == ResultKind.Value ? answer.Result.Value : null);
            if (isAddress) _last = (ulong)answer.Result.Value;
            yield return new(command, op, answer, Changes(command, answer));
        }
    }

    public void Dispose()
    {
        _machine.Dispose();
        _memory.Dispose();
    }

    private List<ProcessChange> Changes(ScriptCommand command, CallAnswer answer)
    {
        if (command.Call == TraceCall.Exit) _processes[command.Process] = _processes[command.Process] with { Task = null };
        var changes = new List<ProcessChange>();
        for (int i = 0; i < _processes.Count; i++)
        {
            if (_processes[i].Task is not { } task) continue;
            Snapshot after = Take(task);
            ProcessChange change = Compare(i, _processes[i], after);
            _processes[i] = after;
            if (!change.IsEmpty) changes.Add(change);
        }

        if (answer.Child is { } child) _processes.Add(Take(child));
        return changes;
    }

    private static ProcessChange Compare(int process, Snapshot before, Snapshot after)
    {
        var counters = new List<(TraceCounter, long, long)>();
        for (int i = 0; i < before.Counters.Length; i++)
        {
            if (before.Counters[i] != after.Counters[i]) counters.Add(((TraceCounter)i, before.Counters[i], after.Counters[i]));
        }

        return new(process, [.. before.Areas.Except(after.Areas)], [.. after.Areas.Except(before.Areas)], counters);
    }

    private TraceOp Evaluate(ScriptCommand command, Snapshot process)
    {
        var op = new TraceOp { Line = command.Line, Index = _results.Count, Process = command.Process, Call = command.Call, ArgumentCount = command.Arguments.Count };
        for (int i = 0; i < op.ArgumentCount; i++) op.Arguments[i] = command.Arguments[i].Evaluate(name => ValueOf(name, command, process));
        return op;
    }

    private ulong ValueOf(string name, ScriptCommand command, Snapshot process)
    {
        TraceHeader header = _scenario.Header;
        switch (name)
        {
            case "sb": return header.Mm.StartBrk;
            case "task": return header.TaskSize;
            case "base": return header.MmapBase;
            case "stk": return AreaOf("[stack]", command, process).Start;
            case "stke": return AreaOf("[stack]", command, process).End;
            case "vdso": return AreaOf("[vdso]", command, process).Start;
            case "vvar": return AreaOf("[vvar]", command, process).Start;
            case "vclk": return AreaOf("[vvar_vclock]", command, process).Start;
            case "last": return _last ?? throw Refuse(command, "$last: no mmap or mremap has succeeded yet");
            case ['r', .. var digits] when int.TryParse(digits, NumberStyles.None, null, out int index):
                return index < _results.Count && _results[index] is { } result ? (ulong)result : throw Refuse(command, $"$r{index}: call {index} has no value yet");
            default:
                throw Refuse(command, $"'${name}' is no name; there are $sb, $stk, $stke, $task, $base, $vdso, $vvar, $vclk, $last and $r0, $r1, ...");
        }
    }

    private TraceArea AreaOf(string name, ScriptCommand command, Snapshot process)
    {
        foreach (TraceArea area in process.Areas)
        {
            if (area.Name == name) return area;
        }

        throw Refuse(command, $"no area is called {name} any more");
    }

    private InputException Refuse(ScriptCommand command, string reason) => new($"{Path}:{command.Line}: {reason}");

    private Snapshot Take(LinuxTask task)
    {
        var areas = new List<TraceArea>();
        _state.ReadAreas(task.Mm, areas);
        long[] counters = new long[Enum.GetValues<TraceCounter>().Length];
        ProcessState.ReadCounters(task.Mm, counters);
        return new(task, areas, counters);
    }

    private sealed record Snapshot(LinuxTask? Task, List<TraceArea> Areas, long[] Counters);
}
