using FastMmu.Cli.MmTraces;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.Programs;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Tests.Linux.Areas;
using Xunit;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>Runs a program on the reference model and on the real address spaces, and compares after every call.</summary>
internal sealed class MmTrial : IDisposable
{
    private static readonly byte[] s_program = File.ReadAllBytes(RepositoryRoot.Data("mm", "target"));

    private readonly ReplayMachine _machine;
    private readonly ReferenceProcesses _model;
    private readonly List<LinuxTask?> _tasks = [];
    private readonly ProcessState _state = new();
    private readonly List<TraceArea> _areas = [];
    private readonly long[] _counters = new long[Enum.GetValues<TraceCounter>().Length];

    private MmTrial(TraceHeader start, PhysicalMemory memory, KernelKind? kernel)
    {
        _machine = new ReplayMachine(start, s_program, memory, kernel);
        _model = new ReferenceProcesses(start);
        _tasks.Add(_machine.First);
    }

    /// <summary>Runs a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="memory">The machine's memory, whatever is in it.</param>
    /// <param name="kernel">What kind of kernel the machine has.</param>
    /// <exception cref="Xunit.Sdk.XunitException">A call answered, or left, something else; or an invariant does not hold.</exception>
    public static void Run(MmProgram program, PhysicalMemory memory, KernelKind? kernel = null)
    {
        using var trial = new MmTrial(program.Start, memory, kernel);
        for (int i = 0; i < program.Calls.Count; i++) trial.Step(program.Calls[i], i);
    }

    public void Dispose() => _machine.Dispose();

    private void Step(MmCall call, int index)
    {
        int process = call.Process % _tasks.Count;
        if (_tasks[process] is not { } task || ReachesTheTracer(call)) return;
        TraceOp op = call.ToOp(index);
        op.Process = process;
        TraceResult expected = _model.Make(op, _tasks.Count);
        CallAnswer answer = _machine.Make(op, task);
        if (answer.Result != expected) Assert.Fail($"Call {index}, {call}: {answer.Result} instead of {expected}");
        if (answer.Child is { } child) _tasks.Add(child);
        if (call.Call == TraceCall.Exit) _tasks[process] = null;

        for (int i = 0; i < _tasks.Count; i++)
        {
            if (_tasks[i] is not { } each) continue;
            CheckInvariants(each.Mm);
            _state.ReadAreas(each.Mm, _areas);
            ProcessState.ReadCounters(each.Mm, _counters);
            if (_model.Differences(i, _areas, _counters) is { } difference) Assert.Fail($"Call {index}, {call}: process {i}: {difference}");
        }
    }

    // A replayed process keeps the pages with which its tracer makes calls, as a recorded one did.
    private static bool ReachesTheTracer(MmCall call)
    {
        IReadOnlyList<ulong> a = call.Arguments;
        return call.Call switch
        {
            TraceCall.Mremap => Reaches(a[0], Math.Max(a[1], a[2])) || Reaches(a[4], Math.Max(a[1], a[2])),
            TraceCall.Touch => Reaches(a[0], 1),
            TraceCall.Mmap when (a[3] & ReferenceMm.MapFixed) == 0 => false,
            TraceCall.Brk or TraceCall.Mlockall or TraceCall.Munlockall or TraceCall.Setrlimit or TraceCall.Prctl or TraceCall.Fork or TraceCall.Exit => false,
            _ => Reaches(a[0], a[1]),
        };
    }

    private static bool Reaches(ulong start, ulong length)
    {
        const ulong first = 0x40_0000, end = 0x40_3000;
        return start < end && (start >= first || length > first - (start & ~0xfffUL) - 0x1000);
    }

    // What holds whatever was called: the tree is well formed, and the counters are sums over its areas.
    private static void CheckInvariants(AddressSpace mm)
    {
        VmaTreeInvariants.Check(mm.Areas);
        ulong total = 0, anonymous = 0;
        foreach (Vma vma in mm.Areas)
        {
            Assert.Equal(0UL, (vma.Start | vma.End) & 0xfff);
            total += vma.Pages;
            anonymous += mm.Tables.Count(vma).Anonymous;
        }

        Assert.Equal(total, mm.TotalVm);
        Assert.Equal(anonymous, mm.Tables.RssAnon);
    }
}
