using System.Diagnostics;
using FastMmu.Memory;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>Replays the calls of one trace, and compares every answer and every state with what was recorded.</summary>
/// <remarks>A difference is not repaired: what disagrees stays so, and later lines that show it disagree too.</remarks>
internal sealed class TraceReplay : IDisposable
{
    private readonly MmTrace _trace;
    private readonly ReplayOptions _options;
    private readonly ReplayReport _report;
    private readonly ReplayMachine _machine;
    private readonly StateComparer _comparer;
    private readonly ProcessState _state = new();
    private readonly List<ReplayProcess> _processes = [];
    private bool _diverged;
    private bool _broken;

    private TraceReplay(MmTrace trace, ReadOnlyMemory<byte> program, PhysicalMemory memory, ReplayOptions options, ReplayReport report)
    {
        _trace = trace;
        _options = options;
        _report = report;
        _machine = new ReplayMachine(trace.Header, program, memory, options.Kernel);
        _comparer = new StateComparer(options.Skipped);
        var first = new ReplayProcess(0, _machine.First);
        first.ExpectedAreas.AddRange(trace.Header.Areas);
        ((long[])[.. trace.Header.Counters]).CopyTo(first.ExpectedCounters, 0);
        _processes.Add(first);
    }

    /// <summary>Judges every trace of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How.</param>
    /// <param name="work">Learns how far the file is read.</param>
    /// <exception cref="InputException">The file cannot be read to its end, has no trace, or lacks the traced program beside it.</exception>
    public static ReplayReport Verify(string path, ReplayOptions options, LongWork? work = null)
    {
        using TraceReader reader = TraceReader.Open(path);
        using PhysicalMemory memory = ReplayMachine.CreateMemory();
        var report = new ReplayReport(path);
        ReadOnlyMemory<byte> program = TargetProgram.Beside(path);
        bool any = false;
        // The next trace is read while one is replayed.
        Task<MmTrace?> next = Task.Run(reader.ReadNext);
        try
        {
            ReplayWarmUp.Run(memory, options);
            while (next.GetAwaiter().GetResult() is { } trace)
            {
                double done = reader.Done;
                next = Task.Run(reader.ReadNext);
                any = true;
                if (options.Takes(trace.Header)) Run(trace, program, memory, options, report);
                if (work is not null) work.Done = done;
            }
        }
        finally
        {
            ((IAsyncResult)next).AsyncWaitHandle.WaitOne();
        }

        return any ? report : throw new InputException($"{path}:{reader.LineNumber}: the file has no trace");
    }

    public void Dispose() => _machine.Dispose();

    /// <summary>Judges one trace.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="program">The bytes of the traced program.</param>
    /// <param name="memory">From <see cref="ReplayMachine.CreateMemory"/>.</param>
    /// <param name="options">How.</param>
    /// <param name="report">Takes in what came of it.</param>
    /// <exception cref="InputException">The trace contradicts itself.</exception>
    public static void Run(MmTrace trace, ReadOnlyMemory<byte> program, PhysicalMemory memory, ReplayOptions options, ReplayReport report)
    {
        long line = trace.Line;
        long started = Stopwatch.GetTimestamp();
        try
        {
            using var replay = new TraceReplay(trace, program, memory, options, report);
            replay.Start();
            for (int i = 0; i < trace.Ops.Count; i++)
            {
                line = trace.Ops[i].Line;
                replay.Step(trace.Ops[i]);
            }

            line = trace.EndLine;
            replay.End();
            if (replay._diverged) report.Diverged++;
        }
        catch (FormatException failure)
        {
            throw new InputException($"{report.Path}:{line}: {failure.Message}", failure);
        }

        report.Traces++;
        report.Calls += trace.Ops.Count;
        report.Elapsed += Stopwatch.GetElapsedTime(started);
    }

    private void Start()
    {
        _comparer.Reset();
        _comparer.Compare(_processes[0], _state, "");
        Count("start", _trace.Line);
    }

    private void Step(in TraceOp op)
    {
        if (_broken)
        {
            Count(op);
            return;
        }

        if (op.Process >= _processes.Count || !_processes[op.Process].IsAlive) throw new FormatException($"process {op.Process} is not there");
        ReplayProcess process = _processes[op.Process];
        _comparer.Reset();
        // A process that was not forked answers as one that does not exist: ESRCH.
        CallAnswer answer = process.Task is { } task ? Make(op, task) : new(new(ResultKind.Value, -3));
        if (_broken)
        {
            Count(op);
            return;
        }

        if (op.Result.Kind == ResultKind.Child) AddChild(op, answer.Child);
        if (op.Call == TraceCall.Exit) process.IsAlive = false;
        _comparer.Compare(op, answer, _trace.Numbers(op.Pages));
        process.Apply(_trace, op.Change);
        process.Apply(_trace, op.Counters);
        foreach (SideEffect effect in _trace.SideEffects(op.SideEffects))
        {
            if (effect.Process >= _processes.Count) throw new FormatException($"process {effect.Process} is not there");
            _processes[effect.Process].Apply(_trace, effect.Change);
            _processes[effect.Process].Apply(_trace, effect.Counters);
        }

        if (op.Full.IsThere && !_trace.Areas(op.Full).SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(process.ExpectedAreas)))
        {
            throw new FormatException("'full' is not what the changes up to here make");
        }

        foreach (ReplayProcess other in _processes)
        {
            if (other.IsAlive) _comparer.Compare(other, _state, other == process ? "" : $"p{other.Index}: ");
        }

        Count(op);
    }

    private void End()
    {
        if (_broken)
        {
            Count("end", _trace.EndLine);
            return;
        }

        _comparer.Reset();
        foreach (FinalState final in _trace.Finals)
        {
            if (final.Process >= _processes.Count) throw new FormatException($"process {final.Process} is not there");
            ReplayProcess process = _processes[final.Process];
            if (!process.IsAlive) throw new FormatException($"process {final.Process} has exited");
            process.ExpectedAreas.Clear();
            process.ExpectedAreas.AddRange(_trace.Areas(final.Areas));
            process.AgreedAt = null;
            process.Apply(_trace, final.Counters);
            _comparer.Compare(process, _state, $"p{process.Index}: ");
            if (process.Task is { } task && task.Mm.CurrentBrk != final.Brk) _comparer.Differences.Add($"p{process.Index}: brk: expected {final.Brk:x}, actual {task.Mm.CurrentBrk:x}");
        }

        Count("end", _trace.EndLine);
    }

    // No call may throw. One that does is a mismatch, and nothing behind it can be judged any more.
    private CallAnswer Make(in TraceOp op, LinuxTask task)
    {
        try
        {
            return _machine.Make(op, task);
        }
        catch (Exception failure) when (failure is not (InputException or OutOfMemoryException))
        {
            _broken = true;
            _comparer.Differences.Add($"{failure.GetType().Name}: {failure.Message} {failure.StackTrace?.ReplaceLineEndings(" ")}");
            return default;
        }
    }

    private void AddChild(in TraceOp op, LinuxTask? task)
    {
        if (op.Result.Value != _processes.Count) throw new FormatException($"the child of a fork is p{op.Result.Value} where p{_processes.Count} is next");
        var child = new ReplayProcess(_processes.Count, task);
        child.ExpectedAreas.AddRange(_trace.Areas(op.ChildAreas));
        child.Apply(_trace, op.ChildCounters);
        _processes.Add(child);
    }

    private void Count(in TraceOp op) => Count(_report.CountOf(op.Call), op.Line, null, op);

    private void Count(string kind, long line) => Count(_report.CountOf(kind), line, kind);

    private void Count(ReplayCount count, long line, string? what, in TraceOp op = default)
    {
        _report.Checked++;
        count.Checked++;
        SkippedComparisons skipped = _comparer.SkippedDifferences;
        for (int bit = 0; skipped != 0 && bit < 4; bit++)
        {
            var one = (SkippedComparisons)(1 << bit);
            if ((skipped & one) != 0) _report.Skipped[one] = _report.Skipped.GetValueOrDefault(one) + 1;
        }

        if (_comparer.Differences.Count == 0) return;
        _report.Mismatched++;
        count.Mismatched++;
        if (_diverged) return;
        _diverged = true;
        count.First++;
        if (_report.Mismatches.Count < _options.Shown) _report.Mismatches.Add(new(line, _trace.Header.Id, what ?? CallText.Of(op), [.. _comparer.Differences]));
    }
}
