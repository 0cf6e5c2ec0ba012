using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using static FastMmu.Addresses.ByteSize;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>The machine that a trace was recorded on, with its files, and the process that it starts with.</summary>
internal sealed class ReplayMachine : IDisposable
{
    private readonly PhysicalMemory _memory;

    /// <param name="header">What the trace starts with.</param>
    /// <exception cref="FormatException">The header describes no possible process.</exception>
    public ReplayMachine(TraceHeader header)
    {
        // What the recorded calls make resident; how much memory overcommit counts with is a setting of its own.
        _memory = PhysicalMemory.Create(128 * MiB);
        Machine = new LinuxMachine(_memory);
        MemorySettings settings = Machine.Settings;
        settings.OvercommitMemory = header.OvercommitMemory;
        settings.OvercommitRatio = header.OvercommitRatio;
        settings.MaxMapCount = header.MaxMapCount;
        settings.MmapMinAddress = header.MmapMinAddress;
        settings.MmapMinAddressEffective = header.EffectiveMmapMinAddress;
        settings.StackGuardGapPages = header.StackGuardGapPages;
        settings.TotalRamPages = header.TotalRamPages;
        settings.LegacyLayout = header.LegacyLayout;
        First = CreateProcess(header, CreateContext(header));
    }

    /// <summary>The machine.</summary>
    public LinuxMachine Machine { get; }

    /// <summary>The process that the trace starts with.</summary>
    public LinuxTask First { get; }

    /// <summary>Makes a call.</summary>
    /// <param name="op">The call.</param>
    /// <param name="task">Who makes it.</param>
    public CallAnswer Make(in TraceOp op, LinuxTask task) => op.Call switch
    {
        TraceCall.Touch or TraceCall.Pagemap or TraceCall.Mincore or TraceCall.Ftruncate or TraceCall.Fork or TraceCall.Exit => new(new(ResultKind.Value, -38)),
        _ => new(new(ResultKind.Value, CallRunner.SystemCall(task.Mm, op.Call, op.Arguments))),
    };

    public void Dispose() => _memory.Dispose();

    private static ProcessContext CreateContext(TraceHeader header)
    {
        var context = new ProcessContext
        {
            Personality = (Personality)header.Personality,
            Credentials = new Credentials
            {
                UserId = (int)header.Uid,
                GroupId = (int)header.Uid,
                CanLockMemory = header.HasCapabilities,
                CanUseRawIo = header.HasCapabilities,
                IsAdministrator = header.HasCapabilities,
            },
        };
        context.Limits[ResourceLimits.Data] = new(header.Data.Soft, header.Data.Hard);
        context.Limits[ResourceLimits.Stack] = new(header.Stack.Soft, header.Stack.Hard);
        context.Limits[ResourceLimits.MemoryLock] = new(header.MemLock.Soft, header.MemLock.Hard);
        context.Limits[ResourceLimits.AddressSpace] = new(header.AddressSpace.Soft, header.AddressSpace.Hard);
        OpenFiles(context.Files);
        return context;
    }

    // The descriptors that every trace starts with; all files belong to the user that unprivileged traces run as.
    private static void OpenFiles(FileTable files)
    {
        const int owner = 65534;
        var memfd = new Inode(InodeKind.SharedMemory, "file:0", 0x10064) { Owner = owner };
        var ext4 = new Inode(InodeKind.Regular, "file:1", 0x20000) { Owner = owner };
        files.Set(3, new OpenFile(memfd, readable: true, writable: true));
        files.Set(4, new OpenFile(memfd, readable: true, writable: false));
        files.Set(5, new OpenFile(ext4, readable: true, writable: true));
        files.Set(6, new OpenFile(ext4, readable: false, writable: true));
        files.Set(7, new OpenFile(new Inode(InodeKind.ZeroDevice, "dev_zero", 0), readable: true, writable: true));
        files.Set(8, new OpenFile(new Inode(InodeKind.SharedMemory, "file:2", 0x4000) { Owner = owner, SealedAgainstWrites = true }, readable: true, writable: true));
        files.Set(9, new OpenFile(new Inode(InodeKind.Pipe, "pipe", 0) { Owner = owner, NoExec = true }, readable: true, writable: false));
        files.Set(10, new OpenFile(new Inode(InodeKind.Directory, "/", 0), readable: true, writable: false));
        files.Set(11, new OpenFile(new Inode(InodeKind.SharedMemory, "file:3", 0x8000) { Owner = owner, NoExec = true }, readable: true, writable: true));
        files.Set(12, new OpenFile(ext4, readable: false, writable: false) { PathOnly = true });
        files.Set(13, new OpenFile(new Inode(InodeKind.SharedMemory, "file:4", 0) { Owner = owner }, readable: true, writable: true));
        // /dev/null: to mmap a file like a pipe, one that cannot be mapped.
        var nowhere = new Inode(InodeKind.Pipe, "/dev/null", 0);
        for (int descriptor = 0; descriptor < 3; descriptor++) files.Set(descriptor, new OpenFile(nowhere, readable: true, writable: true));
    }

    private LinuxTask CreateProcess(TraceHeader header, ProcessContext context)
    {
        TraceMm recorded = header.Mm;
        const Personality bottomUp = Personality.CompatLayout;
        var mm = new AddressSpace(Machine, context)
        {
            TaskSize = header.TaskSize,
            MmapBase = header.MmapBase,
            MmapLegacyBase = (header.TaskSize / 3 + 0xfff) & ~0xfffUL,
            BottomUp = header.LegacyLayout || ((Personality)header.Personality & bottomUp) != 0,
            StartCode = recorded.StartCode,
            EndCode = recorded.EndCode,
            StartData = recorded.StartData,
            EndData = recorded.EndData,
            StartBrk = recorded.StartBrk,
            CurrentBrk = recorded.Brk,
            StartStack = recorded.StartStack,
            ArgStart = recorded.ArgStart,
            ArgEnd = recorded.ArgEnd,
            EnvStart = recorded.EnvStart,
            EnvEnd = recorded.EnvEnd,
        };
        var target = new OpenFile(new Inode(InodeKind.Regular, "target", 0), readable: true, writable: false);
        foreach (TraceArea area in header.Areas)
        {
            var vma = new Vma { Start = area.Start, End = area.End, Flags = area.Flags, PageOffset = area.Offset >> 12, Name = SpecialName(area.Name) };
            if (area.Name != "target" && vma.Name == 0) vma.PageOffset = vma.Start >> 12;
            if (area.Anonymous > 0) Machine.AnonVmas.Prepare(ref vma);
            mm.AddArea(vma, area.Name == "target" ? target : null);
        }

        return new LinuxTask(mm, pid: 2, comm: "target");
    }

    private static int SpecialName(string name) => name switch
    {
        "[vvar]" => SpecialMapping.Vvar,
        "[vvar_vclock]" => SpecialMapping.VvarClock,
        "[vdso]" => SpecialMapping.Vdso,
        "target" or "" or "[heap]" or "[stack]" => 0,
        _ => throw new FormatException($"an area of 'vmas' maps '{name}', which no program starts with"),
    };
}
