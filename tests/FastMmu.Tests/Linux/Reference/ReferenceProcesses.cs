using FastMmu.Cli.MmTraces;
using FastMmu.Linux.Areas;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>The processes of a trace or a program in the reference model, by their numbers, and their view in the terms of the trace format.</summary>
internal sealed class ReferenceProcesses
{
    private readonly TraceHeader _header;
    private readonly Dictionary<int, ReferenceMm> _processes = [];
    private readonly Dictionary<ReferenceInode, string> _sharedNames = [];

    /// <param name="header">The machine, and the process that is there at the start: number 0.</param>
    public ReferenceProcesses(TraceHeader header)
    {
        _header = header;
        _processes[0] = Start(header);
    }

    /// <summary>The numbers of those that live.</summary>
    public IReadOnlyCollection<int> Alive => _processes.Keys;

    /// <summary>Makes a call.</summary>
    /// <param name="op">The call.</param>
    /// <param name="next">The number of the process that it makes, if it is a fork.</param>
    public TraceResult Make(in TraceOp op, int next)
    {
        ReferenceMm mm = _processes[op.Process];
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
                _processes[next] = forked;
                return new TraceResult(ResultKind.Child, next);
            case TraceCall.Exit:
                _processes.Remove(op.Process);
                return new TraceResult(ResultKind.Value);
            case TraceCall.Ftruncate:
                return new TraceResult(ResultKind.Value, mm.Ftruncate((int)a[0], a[1], _processes.Values));
            default:
                return new TraceResult(ResultKind.Value, SystemCall(op.Call, a, mm));
        }
    }

    /// <summary>The first difference of a process from what somebody else says about it, or null.</summary>
    /// <param name="process">Its number.</param>
    /// <param name="areas">Its areas.</param>
    /// <param name="counters">Its counters, in the order of <see cref="TraceCounter"/>.</param>
    public string? Differences(int process, IReadOnlyList<TraceArea> areas, long[] counters)
    {
        ReferenceMm mm = _processes[process];
        for (int i = 0; i < Math.Max(areas.Count, mm.Areas.Count); i++)
        {
            if (i >= mm.Areas.Count) return $"no area {areas[i]}";
            if (i >= areas.Count) return $"an area too many: {mm.Areas[i]}";
            TraceArea recorded = areas[i];
            ReferenceArea area = mm.Areas[i];
            ulong offset = area.File is null ? 0 : area.PageOffset << 12;
            bool same = area.Start == recorded.Start && area.End == recorded.End && area.Flags == recorded.Flags && offset == recorded.Offset
                && mm.AnonPages.Count(page => page >= area.Start && page < area.End) == recorded.Anonymous && HasName(mm, area, recorded.Name);
            if (!same) return $"{area} instead of {recorded}";
        }

        (TraceCounter Counter, ulong Pages)[] model =
        [
            (TraceCounter.VmSize, mm.TotalVm), (TraceCounter.VmLck, mm.LockedVm), (TraceCounter.VmData, mm.DataVm), (TraceCounter.VmStk, mm.StackVm),
            (TraceCounter.RssAnon, (ulong)mm.AnonPages.Count),
        ];
        foreach ((TraceCounter counter, ulong pages) in model)
        {
            if ((long)pages * 4 != counters[(int)counter]) return $"{counter} {pages * 4} instead of {counters[(int)counter]}";
        }

        long exec = counters[(int)TraceCounter.VmExe] + counters[(int)TraceCounter.VmLib];
        return (long)mm.ExecVm * 4 == exec ? null : $"executable {mm.ExecVm * 4} instead of {exec}";
    }

    private static ReferenceMm Start(TraceHeader header)
    {
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
                PageOffset = area.Name == "target" || special ? area.Offset >> 12 : area.Start >> 12,
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

        return mm;
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
        TraceCall.Prctl => mm.Prctl((int)a[0], a[1], a[2], a[3], a[4]),
        TraceCall.Setrlimit => mm.SetLimit((int)a[0], a[1], a[2]),
        _ => 0,
    };

    private bool HasName(ReferenceMm mm, ReferenceArea area, string name)
    {
        if (area.Special is not null) return name == area.Special;
        if (area.File is null)
        {
            if (area.Start < mm.CurrentBrk && area.End > mm.StartBrk) return name == "[heap]";
            return name == (area.Start <= _header.Mm.StartStack && area.End >= _header.Mm.StartStack ? "[stack]" : "");
        }

        if (!area.File.Name.StartsWith("shm", StringComparison.Ordinal)) return name == area.File.Name;
        if (_sharedNames.TryGetValue(area.File.Inode, out string? known)) return name == known;
        if (!name.StartsWith("shm:", StringComparison.Ordinal) || _sharedNames.ContainsValue(name)) return false;
        _sharedNames[area.File.Inode] = name;
        return true;
    }
}
