using FastMmu.Addresses;
using FastMmu.Linux;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>A random program of memory calls, touches, forks and exits over a few hundred pages, and the machine that it runs on.</summary>
internal sealed class PageProgram : IDisposable
{
    // Two tables and a border between them, so that tables come, go and are shared.
    private const ulong First = 0x4000_0000 - (64 * 4096);
    private const int Span = 160;
    private const int MostProcesses = 4;

    private static readonly int[] Advices =
    [
        Advice.DontNeed, Advice.DontNeed, Advice.Free, Advice.Remove, Advice.Cold, Advice.PageOut, Advice.WillNeed, Advice.DontFork, Advice.DoFork,
        Advice.WipeOnFork, Advice.KeepOnFork, Advice.PopulateRead, Advice.PopulateWrite, Advice.DontNeedLocked, Advice.GuardInstall, Advice.GuardRemove,
    ];

    private readonly PhysicalMemory _memory;
    private readonly List<AddressSpace> _processes = [];
    private readonly Mmu? _mmu;
    private readonly UserTranslator? _user;

    public PageProgram(ulong memoryBytes, PagingMode paging = PagingMode.FourLevel, ulong mostHostTables = 1 << 20)
    {
        _memory = PhysicalMemory.Create(memoryBytes);
        Machine = new LinuxMachine(_memory) { Paging = paging, MostHostTables = mostHostTables };
        var context = new ProcessContext();
        Files = [new Inode(InodeKind.SharedMemory, "memfd", 24 * 4096) { Owner = 1000 }, new Inode(InodeKind.Regular, "disk", 100_000) { Owner = 1000 }];
        for (int i = 0; i < Files.Length; i++) context.Files.Set(3 + i, new OpenFile(Files[i], readable: true, writable: true));
        _processes.Add(new AddressSpace(Machine, context) { MmapBase = Machine.UserEnd - (128UL << 20) });
        if (paging == PagingMode.None)
        {
            _user = new UserTranslator(_processes[0]);
            return;
        }

        _mmu = new Mmu(_memory, new ProcessorFeatures { La57 = true });
        _processes[0].Attach(_mmu);
    }

    public LinuxMachine Machine { get; }

    public Inode[] Files { get; }

    public static Arbitrary<IReadOnlyList<PageStep>> Steps(int count) => EdgeRandom.Cases<IReadOnlyList<PageStep>>(
        random => [.. Enumerable.Range(0, count).Select(_ => Step(random))],
        Shrinking.Without);

    public void Run(in PageStep step)
    {
        int index = step.Process % _processes.Count;
        AddressSpace mm = _processes[index];
        ulong address = First + (step.Page << 12), length = step.Pages << 12;
        switch (step.Kind)
        {
            case PageStepKind.Mmap:
                Map(mm, address, length, step.Choice, step.Other);
                break;
            case PageStepKind.Munmap:
                mm.Munmap(address, length);
                break;
            case PageStepKind.Mprotect:
                mm.Mprotect(address, length, step.Choice & 7);
                break;
            case PageStepKind.Mremap:
                uint flags = (step.Choice % 3) switch { 0 => MremapFlags.MayMove, 1 => MremapFlags.MayMove | MremapFlags.Fixed, _ => MremapFlags.MayMove | MremapFlags.DontUnmap };
                mm.Mremap(address, length, step.Choice % 3 == 2 ? length : (step.Other & 15) << 12, flags, First + ((step.Other >> 4) % Span << 12));
                break;
            case PageStepKind.Madvise:
                mm.Madvise(address, length, Advices[step.Choice % Advices.Length]);
                break;
            case PageStepKind.Mlock:
                mm.Mlock2(address, length, step.Choice & 1);
                break;
            case PageStepKind.Munlock:
                mm.Munlock(address, length);
                break;
            case PageStepKind.Ftruncate:
                mm.Ftruncate(3 + (step.Choice & 1), step.Other % (30 * 4096));
                break;
            case PageStepKind.Touch:
                mm.Touch(address, (Access)(step.Choice % 3), out _);
                break;
            case PageStepKind.Write:
                mm.Write(address, new byte[(int)Math.Min(length, 16 * 4096)]);
                break;
            case PageStepKind.Fork:
                if (_processes.Count < MostProcesses && mm.Fork(mm.Context.Copy(), out AddressSpace? child) == 0) _processes.Add(child!);
                break;
            case PageStepKind.Exit:
                if (index > 0)
                {
                    End(mm);
                    _processes.RemoveAt(index);
                }

                break;
        }
    }

    /// <summary>
    /// Whether the MMU of the first process answers from its caches what a walk of the tables answers; where there is none, whether its TLB answers what an access comes to.
    /// </summary>
    public bool IsTranslated(ulong page, Access access)
    {
        ulong address = First + (page << 12);
        if (_mmu is null)
        {
            bool allowed = _user!.Tlb.TryTranslate(address, access, Privilege.User, out PhysicalAddress known);
            FaultOutcome outcome = _processes[0].Touch(address, access, out PhysicalAddress physical);
            return allowed == outcome.IsResolved && (!allowed || known == physical);
        }

        Translation walked = _mmu.Probe(address, access, Privilege.User);
        Translation cached = _mmu.Translate(address, access, Privilege.User);
        return walked.Ok == cached.Ok && (!walked.Ok || walked.Physical == cached.Physical);
    }

    /// <summary>Ends all processes; the pages of the disk file stay in memory.</summary>
    public void EndAll()
    {
        _processes.ForEach(End);
        _processes.Clear();
    }

    public void Dispose()
    {
        EndAll();
        _mmu?.Dispose();
        _user?.Dispose();
        Machine.Pages.Dispose();
        _memory.Dispose();
    }

    private static void End(AddressSpace mm)
    {
        mm.Dispose();
        mm.Context.Files.CloseAll();
    }

    private static void Map(AddressSpace mm, ulong address, ulong length, int choice, ulong other)
    {
        uint type = (choice & 1) == 0 ? MmapFlags.Private : MmapFlags.Shared;
        uint flags = type | MmapFlags.Fixed | ((other & 0x700) == 0 ? MmapFlags.Populate : 0);
        int rights = (choice >> 1) % 4 == 0 ? (int)(other & 7) : Protection.Read | Protection.Write;
        if ((choice >> 3) % 3 == 0) mm.Mmap(address, length, rights, flags, 3 + ((choice >> 5) & 1), (other & 15) << 12);
        else mm.Mmap(address, length, rights, flags | MmapFlags.Anonymous, -1, 0);
    }

    private static PageStep Step(EdgeRandom random)
    {
        PageStepKind kind = random.Below(100) switch
        {
            < 18 => PageStepKind.Mmap,
            < 24 => PageStepKind.Munmap,
            < 34 => PageStepKind.Mprotect,
            < 42 => PageStepKind.Mremap,
            < 58 => PageStepKind.Madvise,
            < 61 => PageStepKind.Mlock,
            < 63 => PageStepKind.Munlock,
            < 66 => PageStepKind.Ftruncate,
            < 80 => PageStepKind.Touch,
            < 92 => PageStepKind.Write,
            < 97 => PageStepKind.Fork,
            _ => PageStepKind.Exit,
        };
        ulong page = (ulong)random.Below(Span);
        ulong pages = (ulong)(random.OneIn(4) ? random.Between(1, Span) : random.Between(1, 8));
        return new PageStep(kind, random.Below(MostProcesses), page, pages, random.Below(96), random.Next64());
    }
}
