using System.Globalization;
using FastMmu.Cli.MmTraces;
using FastMmu.Linux.Areas;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>Runs recorded traces on the reference model and says where it answers otherwise than the kernel did.</summary>
internal sealed class ReferenceTraceJudge
{
    private readonly MmTrace _trace;
    private readonly Dictionary<int, Process> _processes = [];
    private readonly Dictionary<ReferenceInode, string> _sharedNames = [];

    private ReferenceTraceJudge(MmTrace trace) => _trace = trace;

    // A process as the model has it, and as the kernel had it.
    private sealed class Process(ReferenceMm mm)
    {
        public ReferenceMm Mm { get; } = mm;

        public List<TraceArea> Areas { get; } = [];

        public long[] Counters { get; set; } = [];
    }

    /// <summary>The first difference of each trace of a file.</summary>
    public static (int Calls, List<string> Differences) Judge(string path, Func<TraceHeader, bool>? wanted = null)
    {
        using TraceReader reader = TraceReader.Open(path);
        List<string> differences = [];
        int calls = 0;
        while (reader.ReadNext() is { } trace)
        {
            if (wanted is not null && !wanted(trace.Header)) continue;
            calls += trace.Ops.Count;
            if (new ReferenceTraceJudge(trace).Run() is { } difference) differences.Add($"{Path.GetFileName(path)} {trace.Header.Id} {difference}");
        }

        return (calls, differences);
    }

    private string? Run()
    {
        Process first = Start();
        _processes[0] = first;
        if (Differences(first) is { } atStart) return $"at the start: {atStart}";
        foreach (TraceOp op in _trace.Ops)
        {
            string call = Describe(op);
            Process process = _processes[op.Process];
            TraceResult answer = Call(op, process);
            TraceResult recorded = op.Result;
            if (op.Call is not TraceCall.Pagemap && answer != recorded) return $"{call}: {answer} instead of {recorded}";

            Apply(process, op.Change, op.Counters);
            foreach (SideEffect effect in _trace.SideEffects(op.SideEffects)) Apply(_processes[effect.Process], effect.Change, effect.Counters);
            if (op.Call == TraceCall.Fork && recorded.Kind == ResultKind.Child)
            {
                Process child = _processes[(int)recorded.Value];
                child.Areas.AddRange(_trace.Areas(op.ChildAreas));
                child.Counters = [.. _trace.Numbers(op.ChildCounters)];
            }

            foreach ((int number, Process each) in _processes)
            {
                if (Differences(each) is { } difference) return $"{call}: process {number}: {difference}";
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

    private Process Start()
    {
        TraceHeader header = _trace.Header;
        var settings = new ReferenceSettings
        {
            MaxMapCount = header.MaxMapCount,
            Overcommit = header.OvercommitMemory,
            RamPages = header.TotalRamPages,
            MinAddress = header.MmapMinAddress,
            MinSearched = header.EffectiveMmapMinAddress,
            GuardGap = header.StackGuardGapPages << 12,
            TaskSize = header.TaskSize,
            MmapBase = header.MmapBase,
            Legacy = header.LegacyLayout || (header.Personality & 0x20_0000) != 0,
            Privileged = header.HasCapabilities,
        };
        var mm = new ReferenceMm(settings, ReferenceFiles.OfTraces())
        {
            StartBrk = header.Mm.StartBrk,
            CurrentBrk = header.Mm.Brk,
            StartData = header.Mm.StartData,
            EndData = header.Mm.EndData,
        };
        mm.Limits[ReferenceMm.LimitData] = (header.Data.Soft, header.Data.Hard);
        mm.Limits[ReferenceMm.LimitStack] = (header.Stack.Soft, header.Stack.Hard);
        mm.Limits[ReferenceMm.LimitMemlock] = (header.MemLock.Soft, header.MemLock.Hard);
        mm.Limits[ReferenceMm.LimitAddressSpace] = (header.AddressSpace.Soft, header.AddressSpace.Hard);
        var target = new ReferenceFile("target", new ReferenceInode(ReferenceFileKind.Disk, 0x5800)) { Writable = false };
        foreach (TraceArea area in header.Areas)
        {
            bool special = area.Name.StartsWith("[v", StringComparison.Ordinal);
            mm.AddInitial(new ReferenceArea
            {
                Start = area.Start,
                End = area.End,
                Flags = area.Flags,
                PageOffset = area.Name == "target" ? area.Offset >> 12 : area.Start >> 12,
                File = area.Name == "target" ? target : null,
                Special = special ? area.Name : null,
                AnonVma = area.Anonymous > 0 ? new ReferenceAnonVma() : null,
                Chain = area.Anonymous > 0 ? 1 : 0,
            });
        }

        const int present = 1, fileOrShared = 4;
        foreach ((ulong page, int bits) in header.Present)
        {
            if ((bits & (present | fileOrShared)) == present) mm.AnonPages.Add(page);
        }

        var process = new Process(mm) { Counters = [.. header.Counters] };
        process.Areas.AddRange(header.Areas);
        return process;
    }

    private void Apply(Process process, AreaChange change, PoolRange counters)
    {
        if (change.Areas.IsThere)
        {
            process.Areas.RemoveRange(change.Index, change.Removed);
            process.Areas.InsertRange(change.Index, _trace.Areas(change.Areas));
        }

        if (counters.IsThere) process.Counters = [.. _trace.Numbers(counters)];
    }

    private TraceResult Call(in TraceOp op, Process process)
    {
        ReferenceMm mm = process.Mm;
        TraceArguments a = op.Arguments;
        switch (op.Call)
        {
            case TraceCall.Touch:
                // Fetches were recorded by stepping, and the tracer's kernel looks at the instruction first.
                if ((char)a[1] == 'x') mm.ReadByTracer(a[0]);
                ReferenceSignal signal = mm.Touch(a[0], (char)a[1] == 'w', (char)a[1] == 'x');
                return signal == ReferenceSignal.None
                    ? new TraceResult(ResultKind.Done)
                    : new TraceResult(ResultKind.Signal, signal.Signal, signal.Code, signal.Address);
            case TraceCall.Fork:
                if (mm.Fork() is not { } forked) return new TraceResult(ResultKind.Value, ReferenceErrno.Nomem);
                _processes[(int)op.Result.Value] = new Process(forked);
                return new TraceResult(ResultKind.Child, op.Result.Value);
            case TraceCall.Exit:
                _processes.Remove(op.Process);
                return new TraceResult(ResultKind.Value);
            case TraceCall.Ftruncate:
                return new TraceResult(ResultKind.Value, mm.Ftruncate((int)a[0], a[1], _processes.Values.Select(each => each.Mm)));
            default:
                return new TraceResult(ResultKind.Value, SystemCall(op.Call, a, mm));
        }
    }

    private static long SystemCall(TraceCall call, in TraceArguments a, ReferenceMm mm) => call switch
    {
        TraceCall.Brk => (long)mm.Brk(a[0]),
        TraceCall.Mmap => mm.Mmap(a[0], a[1], (int)a[2], (uint)a[3], (int)a[4], a[5]),
        TraceCall.Munmap => mm.Munmap(a[0], a[1]),
        TraceCall.Mprotect => mm.Mprotect(a[0], a[1], (int)a[2]),
        TraceCall.Mremap => mm.Mremap(a[0], a[1], a[2], (uint)a[3], a[4]),
        TraceCall.Madvise => mm.Madvise(a[0], a[1], (int)a[2]),
        TraceCall.Mlock => mm.Mlock(a[0], a[1]),
        TraceCall.Mlock2 => mm.Mlock2(a[0], a[1], (int)a[2]),
        TraceCall.Munlock => mm.Munlock(a[0], a[1]),
        TraceCall.Mlockall => mm.Mlockall((int)a[0]),
        TraceCall.Munlockall => mm.Munlockall(),
        TraceCall.Msync => mm.Msync(a[0], a[1], (int)a[2]),
        TraceCall.Mincore => mm.Mincore(a[0], a[1]),
        TraceCall.Mseal => mm.Mseal(a[0], a[1], a[2]),
        TraceCall.RemapFilePages => mm.RemapFilePages(a[0], a[1], (int)a[2], a[3], (uint)a[4]),
        TraceCall.Setrlimit => mm.SetLimit((int)a[0], a[1], a[2]),
        _ => 0,
    };

    private string? Differences(Process process)
    {
        ReferenceMm mm = process.Mm;
        for (int i = 0; i < Math.Max(process.Areas.Count, mm.Areas.Count); i++)
        {
            if (i >= mm.Areas.Count) return $"no area {process.Areas[i]}";
            if (i >= process.Areas.Count) return $"an area too many: {mm.Areas[i]}";
            TraceArea recorded = process.Areas[i];
            ReferenceArea area = mm.Areas[i];
            ulong offset = area.File is null ? 0 : area.PageOffset << 12;
            bool same = area.Start == recorded.Start && area.End == recorded.End && area.Flags == recorded.Flags && offset == recorded.Offset
                && mm.AnonPages.Count(page => page >= area.Start && page < area.End) == recorded.Anonymous && HasName(mm, area, recorded.Name);
            if (!same) return $"{area} instead of {recorded}";
        }

        long[] kernel = process.Counters;
        (TraceCounter Counter, ulong Pages)[] counters =
        [
            (TraceCounter.VmSize, mm.TotalVm), (TraceCounter.VmLck, mm.LockedVm), (TraceCounter.VmData, mm.DataVm), (TraceCounter.VmStk, mm.StackVm),
            (TraceCounter.RssAnon, (ulong)mm.AnonPages.Count),
        ];
        foreach ((TraceCounter counter, ulong pages) in counters)
        {
            if ((long)pages * 4 != kernel[(int)counter]) return $"{counter} {pages * 4} instead of {kernel[(int)counter]}";
        }

        long exec = kernel[(int)TraceCounter.VmExe] + kernel[(int)TraceCounter.VmLib];
        return (long)mm.ExecVm * 4 == exec ? null : $"executable {mm.ExecVm * 4} instead of {exec}";
    }

    private bool HasName(ReferenceMm mm, ReferenceArea area, string name)
    {
        if (area.Special is not null) return name == area.Special;
        if (area.File is null)
        {
            if (area.Start < mm.CurrentBrk && area.End > mm.StartBrk) return name == "[heap]";
            return name == (area.Start <= _trace.Header.Mm.StartStack && area.End >= _trace.Header.Mm.StartStack ? "[stack]" : "");
        }

        if (!area.File.Name.StartsWith("shm", StringComparison.Ordinal)) return name == area.File.Name;
        if (_sharedNames.TryGetValue(area.File.Inode, out string? known)) return name == known;
        if (!name.StartsWith("shm:", StringComparison.Ordinal) || _sharedNames.ContainsValue(name)) return false;
        _sharedNames[area.File.Inode] = name;
        return true;
    }
}
