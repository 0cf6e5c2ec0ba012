using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>The addresses of a 32-bit kernel's half: computed from the top down, each region from the one above it.</summary>
/// <remarks>
/// <code>
/// PAGE_OFFSET      high_memory   +8 MiB                  -8 KiB                                                   4 GiB
///     | direct map      |  hole    | vmalloc, ioremap       | PKMAP  | LDT  | cpu entry area | fixmap (downwards) |
/// </code>
/// Source: arch/x86/include/asm/pgtable_32_areas.h, fixmap.h and cpu_entry_area.h of Linux 6.18.
/// </remarks>
public sealed class Layout32
{
    /// <summary>The hole between direct map and vmalloc area (VMALLOC_OFFSET).</summary>
    public const ulong VmallocOffset = 8 * MiB;

    /// <summary>The last fixed page but one (FIXADDR_TOP): the page above it stays free.</summary>
    public const ulong FixmapTop = 0xffff_f000;

    /// <summary>Slots of temporary mappings that each processor has (KM_MAX_IDX).</summary>
    public const int LocalMapsPerProcessor = 16;

    /// <summary>
    /// Pages of an entry area: GDT, a guard, entry stack, a guard, a stack for double faults, TSS with its bitmap (5), and debug buffers (33).
    /// </summary>
    public const int EntryAreaPages = 43;

    /// <summary>The number of the local APIC among the fixed pages (FIX_APIC_BASE); the first I/O APIC is behind it.</summary>
    public const int LocalApicSlot = 3;

    // In front of the slots: hole, debug port, early console, local APIC, 64 I/O APICs.
    private const int FixmapBeforeLocalMaps = 4 + 64;
    // Behind them: PCI configuration and the two pages of firmware error records.
    private const int FixmapBehindLocalMaps = 3;
    private const int BootMaps = 512;
    // Behind the boot-time maps: the page that tests write protection, and the count itself.
    private const int FixmapLast = 2;
    private const ulong Page = 4096;

    /// <summary>Computes the addresses.</summary>
    /// <param name="options">Of a 32-bit kernel.</param>
    /// <exception cref="ArgumentException">A kernel's half that does not begin where it can, or no room for direct map and vmalloc area.</exception>
    public Layout32(KernelLayoutOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MostProcessors, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MostProcessors, 64, nameof(options));
        bool pae = options.Architecture == KernelArchitecture.I386Pae;
        Directory = DirectoryBytes(pae);
        PageOffset = options.PageOffset;
        ulong step = pae ? GiB : Directory;
        if (PageOffset % step != 0 || PageOffset < GiB || PageOffset > 0xf000_0000)
        {
            throw new ArgumentException($"A 32-bit kernel cannot begin at 0x{PageOffset:x}.", nameof(options));
        }

        int pagesOfTable = pae ? 512 : 1024;
        int permanent = FixmapBeforeLocalMaps + (LocalMapsPerProcessor * options.MostProcessors) + FixmapBehindLocalMaps;
        // The boot-time maps must not cross from one page table into the next.
        bool crosses = ((permanent ^ (permanent + BootMaps - 1)) & -pagesOfTable) != 0;
        int bootEnd = crosses ? permanent + BootMaps - (permanent & (BootMaps - 1)) : permanent;
        FixmapSlots = bootEnd + BootMaps + FixmapLast - 1;
        FixmapStart = FixmapTop - ((ulong)FixmapSlots * Page);
        EntryAreaEnd = FixmapStart;
        CpuEntryArea = (FixmapStart - (Page * (((ulong)options.MostProcessors * EntryAreaPages) + 1))) & ~(Directory - 1);
        LdtRemap = LdtBelow(CpuEntryArea, pae);
        HasPkmap = options.HighMemory;
        Pkmap = PkmapBelow(LdtRemap, pae);
        PkmapSlots = pae ? 512 : 1024;
        VmallocEnd = (HasPkmap ? Pkmap : LdtRemap) - (2 * Page);
        // The argument does not count the hole.
        VmallocReserve = options.VmallocBytes is ulong bytes ? Math.Min(bytes, 4 * GiB) + VmallocOffset : 128 * MiB;
        if (VmallocReserve % Page != 0 || VmallocReserve + (32 * MiB) > VmallocEnd - PageOffset || VmallocReserve <= VmallocOffset)
        {
            throw new ArgumentException($"There is no room for {VmallocReserve >> 20} MiB of vmalloc area besides the direct map.", nameof(options));
        }

        MostLowMemory = VmallocEnd - PageOffset - VmallocReserve;
        LowMemory = Math.Min(MostLowMemory, options.MemoryEnd & ~(Page - 1));
        HighMemory = PageOffset + LowMemory;
        VmallocStart = HighMemory + VmallocOffset;
    }

    /// <summary>What one entry of the page directory maps: 4 MiB, with PAE 2 MiB.</summary>
    public ulong Directory { get; }

    /// <summary>Where the kernel's half begins.</summary>
    public ulong PageOffset { get; }

    /// <summary>The most memory of the direct map (MAXMEM): what the vmalloc area leaves.</summary>
    public ulong MostLowMemory { get; }

    /// <summary>The memory of the direct map: physical addresses below this.</summary>
    public ulong LowMemory { get; }

    /// <summary>The end of the direct map (high_memory).</summary>
    public ulong HighMemory { get; }

    /// <summary>Bytes kept for hole and vmalloc area (__VMALLOC_RESERVE).</summary>
    public ulong VmallocReserve { get; }

    /// <summary>VMALLOC_START.</summary>
    public ulong VmallocStart { get; }

    /// <summary>VMALLOC_END.</summary>
    public ulong VmallocEnd { get; }

    /// <summary>Whether there are permanent mappings of high memory.</summary>
    public bool HasPkmap { get; }

    /// <summary>PKMAP_BASE.</summary>
    public ulong Pkmap { get; }

    /// <summary>LAST_PKMAP: one page table of them.</summary>
    public int PkmapSlots { get; }

    /// <summary>LDT_BASE_ADDR.</summary>
    public ulong LdtRemap { get; }

    /// <summary>CPU_ENTRY_AREA_BASE: the IDT, then the areas of the processors.</summary>
    public ulong CpuEntryArea { get; }

    /// <summary>The address behind the room for entry areas.</summary>
    public ulong EntryAreaEnd { get; }

    /// <summary>The lowest fixed page (FIXADDR_TOT_START).</summary>
    public ulong FixmapStart { get; }

    /// <summary>Fixed pages (__end_of_fixed_addresses).</summary>
    public int FixmapSlots { get; }

    /// <summary>The address of a fixed page; numbers grow downwards.</summary>
    /// <param name="slot">Its number.</param>
    public static ulong FixmapAddress(int slot) => FixmapTop - ((ulong)slot * Page);

    /// <summary>The number of a temporary mapping among the fixed pages.</summary>
    /// <param name="processor">Whose it is.</param>
    /// <param name="index">Which of the processor's, from 0.</param>
    public static int LocalMapSlot(int processor, int index) => FixmapBeforeLocalMaps + (processor * LocalMapsPerProcessor) + index;

    /// <summary>What one entry of the page directory maps.</summary>
    /// <param name="pae">With PAE.</param>
    public static ulong DirectoryBytes(bool pae) => pae ? 2 * MiB : 4 * MiB;

    /// <summary>The LDT's directory entry: the one below the entry area.</summary>
    /// <param name="entryArea">CPU_ENTRY_AREA_BASE.</param>
    /// <param name="pae">With PAE.</param>
    public static ulong LdtBelow(ulong entryArea, bool pae) => (entryArea - Page) & ~(DirectoryBytes(pae) - 1);

    /// <summary>The permanent mappings' directory entry: the one below the LDT's.</summary>
    /// <param name="ldt">LDT_BASE_ADDR.</param>
    /// <param name="pae">With PAE.</param>
    public static ulong PkmapBelow(ulong ldt, bool pae) => (ldt - Page) & ~(DirectoryBytes(pae) - 1);
}
