using FastMmu.Cli.MmTraces.Scripts;
using FastMmu.Memory;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>
/// Makes each kind of call a few times on a process of its own, so that the methods behind them are compiled while the first trace is still
/// being read: that takes as long, and on another processor.
/// </summary>
internal static class ReplayWarmUp
{
    private const ulong Heap = 0x40_a000, Area = 0x1000_0000, Other = 0x2000_0000, File = 0x3000_0000, Page = 4096;
    private const ulong Anonymous = 0x22, Fixed = 0x32, Shared = 0x11, ReadWrite = 3, MemoryFile = 3, DiskFile = 5;

    private static bool s_done;

    /// <summary>Makes the calls, the first time that it is asked to.</summary>
    /// <param name="memory">From <see cref="ReplayMachine.CreateMemory"/>.</param>
    /// <param name="options">Of the replay that it is for.</param>
    public static void Run(PhysicalMemory memory, ReplayOptions options)
    {
        if (s_done) return;
        s_done = true;
        ReplayShortTrace(memory, options);
        using var machine = new ReplayMachine(StandardProcess.Header(StandardProcess.TopDown, root: false), StandardProcess.Program, memory, options.Kernel);
        var process = new ReplayProcess(0, machine.First);
        var state = new ProcessState();
        state.ReadAreas(machine.First.Mm, process.ExpectedAreas);
        long[] counters = new long[process.ExpectedCounters.Length];

        CallAnswer Make(TraceCall call, params ReadOnlySpan<ulong> arguments) => By(machine.First, call, arguments);

        CallAnswer By(LinuxTask task, TraceCall call, params ReadOnlySpan<ulong> arguments)
        {
            var op = new TraceOp { Call = call, ArgumentCount = arguments.Length };
            for (int i = 0; i < arguments.Length; i++) op.Arguments[i] = arguments[i];
            CallAnswer answer = machine.Make(op, task);
            state.IsAsRecorded(process, machine.First.Mm);
            ProcessState.ReadCounters(machine.First.Mm, counters);
            return answer;
        }

        Make(TraceCall.Brk, Heap + (8 * Page));
        Make(TraceCall.Touch, Heap, 'w', 1);
        Make(TraceCall.Brk, Heap + Page);
        Make(TraceCall.Mmap, 0, 16 * Page, ReadWrite, Anonymous, ulong.MaxValue, 0);
        Make(TraceCall.Mmap, Area, 32 * Page, ReadWrite, Fixed, ulong.MaxValue, 0);
        Make(TraceCall.Mmap, File, 16 * Page, ReadWrite, Shared, MemoryFile, 0);
        Make(TraceCall.Mmap, File + (16 * Page), 8 * Page, ReadWrite, Fixed & ~0x20UL, DiskFile, 0);
        for (ulong page = 0; page < 8; page++)
        {
            Make(TraceCall.Touch, Area + (page * Page), page % 2 == 0 ? 'w' : 'r', 1);
            Make(TraceCall.Touch, Area + (page * Page), 'w', 2);
            Make(TraceCall.Touch, File + (page * Page), page % 2 == 0 ? 'w' : 'r', 1);
            Make(TraceCall.Touch, File + ((16 + page) * Page), page % 2 == 0 ? 'w' : 'r', 1);
        }

        Make(TraceCall.Touch, Area, 'x', 0);
        LinuxTask child = Make(TraceCall.Fork).Child!;
        By(child, TraceCall.Touch, Area, 'w', 3);
        Make(TraceCall.Touch, Area, 'w', 3);
        By(child, TraceCall.Exit);
        Make(TraceCall.Mprotect, Area + Page, 2 * Page, 1);
        Make(TraceCall.Mprotect, Area + Page, 2 * Page, ReadWrite);
        Make(TraceCall.Mremap, Area, 4 * Page, 8 * Page, 1, 0);
        Make(TraceCall.Mremap, Area + (8 * Page), 4 * Page, 4 * Page, 3, Other);
        foreach (ulong advice in (ReadOnlySpan<ulong>)[4, 8, 18, 19, 20, 22, 23, 102, 103]) Make(TraceCall.Madvise, Area + (16 * Page), 4 * Page, advice);
        Make(TraceCall.Madvise, File, 2 * Page, 9);
        Make(TraceCall.Mlock, Area + (20 * Page), 2 * Page);
        Make(TraceCall.Mlock2, Area + (22 * Page), 2 * Page, 1);
        Make(TraceCall.Munlock, Area + (20 * Page), 2 * Page);
        Make(TraceCall.Mlockall, 1);
        Make(TraceCall.Munlockall);
        Make(TraceCall.Msync, File, 4 * Page, 4);
        Make(TraceCall.Mincore, Area, 8 * Page);
        Make(TraceCall.Pagemap, Area, 8);
        Make(TraceCall.Mseal, Other + (64 * Page), Page, 0);
        Make(TraceCall.RemapFilePages, File, Page, 0, 2, 0);
        Make(TraceCall.Setrlimit, 2, 1 << 24, ulong.MaxValue);
        Make(TraceCall.Ftruncate, MemoryFile, 2 * Page);
        Make(TraceCall.Munmap, Area + (4 * Page), 8 * Page);
        Make(TraceCall.Munmap, Area, 64 * Page);
        machine.First.Mm.Dispose();
    }

    /// <summary>Judges a trace of one call that changes nothing.</summary>
    /// <param name="memory">From <see cref="ReplayMachine.CreateMemory"/>.</param>
    /// <param name="options">What kind of kernel replays it.</param>
    public static ReplayReport ReplayShortTrace(PhysicalMemory memory, ReplayOptions options)
    {
        TraceHeader header = StandardProcess.Header(StandardProcess.TopDown, root: false);
        var trace = new MmTrace(0, header);
        foreach (TraceArea area in header.Areas) trace.Add(area);
        foreach (long counter in header.Counters) trace.Add(counter);
        var areas = new PoolRange(0, header.Areas.Count);
        var counters = new PoolRange(0, header.Counters.Count);
        trace.Ops.Add(new TraceOp
        {
            Call = TraceCall.Brk,
            ArgumentCount = 1,
            Result = new(ResultKind.Value, (long)header.Mm.Brk),
            ReadByte = -1,
            Change = new AreaChange(0, header.Areas.Count, areas),
            Counters = counters,
            Full = areas,
            Pages = PoolRange.None,
            ChildAreas = PoolRange.None,
            ChildCounters = PoolRange.None,
            SideEffects = PoolRange.None,
        });
        trace.Finals.Add(new FinalState(0, header.Mm.Brk, counters, areas));
        var report = new ReplayReport("");
        TraceReplay.Run(trace, StandardProcess.Program, memory, new ReplayOptions { Kernel = options.Kernel }, report);
        return report;
    }
}
