using FastMmu.Addresses;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>The machine that a trace was recorded on, with its files, and the process that it starts with.</summary>
internal sealed class ReplayMachine : IDisposable
{
    // What a call of a trace may ask about at once; the traced program has room for one page of answers.
    private const int MostPages = 4096;

    // All files belong to the user that unprivileged traces run as.
    private const int FileOwner = 65534;

    private static readonly byte[][] FileContents = [ContentOf(0, 0x10064), ContentOf(1, 0x20000), ContentOf(2, 0x4000), ContentOf(3, 0x8000)];

    private const int PagemapFile = 4;

    // The traced program's page for what calls read and write.
    private const ulong ScratchPage = 0x402000;

    // Behind the system call of the traced program.
    private const ulong FirstInstruction = 0x401003;

    // What the recorded calls make resident; how much memory overcommit counts with is a setting of its own.
    private const ulong MemoryBytes = 128 * MiB;

    private readonly PhysicalMemory _memory;
    private readonly ProcessContext _tracer = new() { Credentials = Credentials.Root };
    private int _forks;

    /// <param name="header">What the trace starts with.</param>
    /// <param name="program">The bytes of the traced program.</param>
    /// <param name="memory">From <see cref="CreateMemory"/>; stays the caller's, and serves one machine after the other.</param>
    /// <param name="kernel">What kind of kernel; four levels and no half of its own if not given.</param>
    /// <exception cref="FormatException">The header describes no possible process.</exception>
    public ReplayMachine(TraceHeader header, ReadOnlyMemory<byte> program, PhysicalMemory memory, KernelKind? kernel = null)
    {
        _memory = memory;
        Machine = (kernel ?? KernelKind.ProgramOnly).Start(_memory);
        if (header.TaskSize > Machine.UserEnd) throw new FormatException($"a process with addresses up to {header.TaskSize:x} is none of a kernel that begins at {Machine.UserEnd:x}");
        MemorySettings settings = Machine.Settings;
        settings.OvercommitMemory = header.OvercommitMemory;
        settings.OvercommitRatio = header.OvercommitRatio;
        settings.MaxMapCount = header.MaxMapCount;
        settings.MmapMinAddress = header.MmapMinAddress;
        settings.MmapMinAddressEffective = header.EffectiveMmapMinAddress;
        settings.StackGuardGapPages = header.StackGuardGapPages;
        settings.TotalRamPages = header.TotalRamPages;
        settings.LegacyLayout = header.LegacyLayout;
        First = CreateProcess(header, CreateContext(header), Inode.FromBytes("target", program));
    }

    /// <summary>Makes a memory of the size that a machine needs. What one machine leaves in it the next one does not see: the kernel clears pages.</summary>
    public static PhysicalMemory CreateMemory() => PhysicalMemory.Create(MemoryBytes);

    /// <summary>The machine.</summary>
    public LinuxMachine Machine { get; }

    /// <summary>The process that the trace starts with.</summary>
    public LinuxTask First { get; }

    /// <summary>Makes a call.</summary>
    /// <param name="op">The call.</param>
    /// <param name="task">Who makes it.</param>
    public CallAnswer Make(in TraceOp op, LinuxTask task)
    {
        AddressSpace mm = task.Mm;
        switch (op.Call)
        {
            case TraceCall.Touch:
                return Touch(mm, op.Arguments[0], (char)op.Arguments[1], (byte)op.Arguments[2]);
            case TraceCall.Pagemap:
                // The file ends where the address space does.
                ulong there = op.Arguments[0] < mm.TaskSize ? (mm.TaskSize - op.Arguments[0]) >> 12 : 0;
                long[] words = new long[(int)Math.Min(Math.Min(op.Arguments[1], there), MostPages)];
                for (int i = 0; i < words.Length; i++) words[i] = PageBits(mm, op.Arguments[0] + ((ulong)i << 12));
                return new(new(ResultKind.Done)) { Pages = words };
            case TraceCall.Mincore:
                return Mincore(mm, op.Arguments[0], op.Arguments[1]);
            case TraceCall.Fork:
                return Fork(task);
            case TraceCall.Exit:
                mm.Dispose();
                task.Context.Files.CloseAll();
                return new(new(ResultKind.Value, 0));
            case TraceCall.Setrlimit:
                // The limits were handed over in the scratch page.
                mm.Touch(ScratchPage, Access.Write, out _);
                goto default;
            default:
                return new(new(ResultKind.Value, CallRunner.SystemCall(mm, op.Call, op.Arguments)));
        }
    }

    public void Dispose() => Machine.Pages.Dispose();

    // The kind of access is its letter; a fetch is one instruction, single-stepped.
    private CallAnswer Touch(AddressSpace mm, ulong address, char kind, byte value)
    {
        Access access = kind switch { 'w' => Access.Write, 'x' => Access.Execute, _ => Access.Read };
        // The tracer looked at an instruction before it let it run, and what it looks at comes into memory.
        Span<byte> instruction = stackalloc byte[1];
        if (kind == 'x') mm.ReadRemote(address, instruction, _tracer);
        FaultOutcome outcome = mm.Touch(address, access, out PhysicalAddress physical);
        if (!outcome.IsResolved) return new(new(ResultKind.Signal, outcome.Signal, outcome.Code, outcome.Address));
        if (kind == 'w') _memory.Write(physical, value);
        return new(new(ResultKind.Done)) { ReadByte = kind == 'r' ? _memory.Read<byte>(physical) : -1 };
    }

    // The answers went through the scratch page, which a fork may have left shared. Its content is not recorded.
    private static CallAnswer Mincore(AddressSpace mm, ulong address, ulong length)
    {
        const byte untouched = 0xff;
        Span<byte> vector = stackalloc byte[MostPages];
        vector[0] = untouched;
        long result = mm.Mincore(address, length, vector);
        if (vector[0] != untouched) mm.Touch(ScratchPage, Access.Write, out _);
        if (result != 0) return new(new(ResultKind.Value, result));
        long[] pages = new long[(int)((length + 0xfff) >> 12)];
        for (int i = 0; i < pages.Length; i++) pages[i] = vector[i];
        return new(new(ResultKind.Value, 0)) { Pages = pages };
    }

    private CallAnswer Fork(LinuxTask parent)
    {
        long result = parent.Mm.Fork(parent.Context.Copy(), out AddressSpace? mm);
        if (mm is null) return new(new(ResultKind.Value, result));
        // The child was looked at after its first instruction, which brings its page of code back.
        mm.Touch(FirstInstruction, Access.Execute, out _);
        return new(new(ResultKind.Child, _forks + 1)) { Child = new LinuxTask(mm, pid: 2 + ++_forks, comm: "target") };
    }

    // The bits of the trace format: present, swap, file or shared, exclusively mapped, guard region. The kernel's own mappings are never one
    // process's alone: others that were running had them too.
    private static long PageBits(AddressSpace mm, ulong address)
    {
        ulong entry = mm.Pagemap(address);
        bool everybodys = mm.Areas.TryFind(address, out Vma vma) && vma.Contains(address) && SpecialMapping.IsSpecial(vma.Name);
        ulong exclusive = everybodys ? 0 : entry >> 56 & 1;
        return (long)((entry >> 63) | ((entry >> 62 & 1) << 1) | ((entry >> 61 & 1) << 2) | (exclusive << 3) | ((entry >> 58 & 1) << 4));
    }

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

    // The descriptors that every trace starts with; what is not listed is not open.
    private static void OpenFiles(FileTable files)
    {
        Inode memfd = Create(0, InodeKind.SharedMemory), ext4 = Create(1, InodeKind.Regular);
        files.Set(3, new OpenFile(memfd, readable: true, writable: true));
        files.Set(4, new OpenFile(memfd, readable: true, writable: false));
        files.Set(5, new OpenFile(ext4, readable: true, writable: true));
        files.Set(6, new OpenFile(ext4, readable: false, writable: true));
        files.Set(7, new OpenFile(new Inode(InodeKind.ZeroDevice, "dev_zero", 0), readable: true, writable: true));
        files.Set(8, new OpenFile(Create(2, InodeKind.SharedMemory), readable: true, writable: true));
        files.Set(9, new OpenFile(new Inode(InodeKind.Pipe, "pipe", 0) { Owner = FileOwner, NoExec = true }, readable: true, writable: false));
        files.Set(10, new OpenFile(new Inode(InodeKind.Directory, "/", 0), readable: true, writable: false));
        files.Set(11, new OpenFile(Create(3, InodeKind.SharedMemory), readable: true, writable: true));
        files.Set(12, new OpenFile(ext4, readable: false, writable: false) { PathOnly = true });
        files.Set(13, new OpenFile(new Inode(InodeKind.SharedMemory, "file:4", 0) { Owner = FileOwner }, readable: true, writable: true));
        // /dev/null: to mmap a file like a pipe, one that cannot be mapped.
        var nowhere = new Inode(InodeKind.Pipe, "/dev/null", 0);
        for (int descriptor = 0; descriptor < 3; descriptor++) files.Set(descriptor, new OpenFile(nowhere, readable: true, writable: true));
    }

    private static Inode Create(int number, InodeKind kind) =>
        new(kind, $"file:{number}", FileContents[number]) { Owner = FileOwner, SealedAgainstWrites = number == 2, NoExec = number == 3 };

    private static byte[] ContentOf(int number, int length)
    {
        byte[] content = new byte[length];
        for (int i = 0; i < length; i++) content[i] = (byte)(0x90 | ((number + (i >> 12) + (i & 7)) & 7));
        return content;
    }

    private LinuxTask CreateProcess(TraceHeader header, ProcessContext context, Inode program)
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
        var target = new OpenFile(program, readable: true, writable: false);
        foreach (TraceArea area in header.Areas)
        {
            var vma = new Vma { Start = area.Start, End = area.End, Flags = area.Flags, PageOffset = area.Offset >> 12, Name = SpecialName(area.Name) };
            if (area.Name != "target" && vma.Name == 0) vma.PageOffset = vma.Start >> 12;
            try
            {
                mm.AddArea(vma, area.Name == "target" ? target : null);
            }
            catch (ArgumentException refused)
            {
                throw new FormatException($"'vmas' {area}: {refused.Message}", refused);
            }
        }

        foreach ((ulong page, int bits) in header.Present) mm.Touch(page, (bits & PagemapFile) != 0 ? Access.Read : Access.Write, out _);
        mm.Write(header.Rsp, header.StackBytes);
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
