using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>A machine with one process on it, laid out like a dynamically linked program of 24 areas, with its limits as a shell sets them.</summary>
internal sealed class LinuxProcess : IDisposable
{
    /// <summary>Where the heap starts.</summary>
    public const ulong Heap = 0x5555_5557_9000;

    private const VmFlags May = VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;
    private const VmFlags Data = May | VmFlags.Read | VmFlags.Write | VmFlags.Account;
    private const int Libraries = 4;

    private readonly PhysicalMemory _memory;

    /// <param name="mebibytes">The machine's memory.</param>
    /// <param name="paging">Where its page tables are.</param>
    public LinuxProcess(ulong mebibytes = 64, PagingMode paging = PagingMode.FourLevel)
    {
        _memory = PhysicalMemory.Create(mebibytes << 20);
        Machine = new LinuxMachine(_memory) { Paging = paging };
        Machine.Settings.TotalRamPages = mebibytes << 8;
        Mm = new AddressSpace(Machine, new ProcessContext())
        {
            MmapBase = 0x7fff_f7ff_f000,
            MmapLegacyBase = 0x2aaa_aaaa_b000,
            StartBrk = Heap,
            CurrentBrk = Heap,
            StartStack = 0x7fff_ffff_e000,
        };
        Load(0x5555_5555_4000);
        for (ulong i = 0; i < Libraries; i++) Load(0x7fff_f7c0_0000 + (i << 20));
        // The heap's neighbour, three of the kernel's and the stack.
        for (ulong i = 0; i < 3; i++) Add(0x7fff_f7fb_0000 + (i << 14), 0x2000, VmFlags.Read | VmFlags.DontExpand | May);
        Add(0x7fff_fffd_e000, 0x2_1000, Data | VmFlags.GrowsDown);
    }

    public LinuxMachine Machine { get; }

    public AddressSpace Mm { get; }

    public void Dispose()
    {
        Mm.Dispose();
        Machine.Pages.Dispose();
        _memory.Dispose();
    }

    // Headers, code, constants, data: as a linker lays a program or a library out.
    private void Load(ulong at)
    {
        Add(at, 0x2000, VmFlags.Read | May);
        Add(at + 0x2000, 0x8000, VmFlags.Read | VmFlags.Exec | May);
        Add(at + 0xa000, 0x4000, VmFlags.Read | May);
        Add(at + 0xf000, 0x2000, Data);
    }

    private void Add(ulong start, ulong length, VmFlags flags) =>
        Mm.AddArea(new Vma { Start = start, End = start + length, Flags = flags, PageOffset = start >> 12 });
}
