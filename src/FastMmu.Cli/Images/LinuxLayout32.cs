using FastMmu.Linux.Kernel;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Cli.Images;

/// <summary>
/// The parts of a 32-bit Linux address space. How it is split between user and kernel is a choice of the kernel's configuration, and read
/// off the mappings, as is the end of the memory that is mapped for good.
/// </summary>
/// <remarks>Source: Linux, arch/x86/include/asm/pgtable_32_areas.h; arch/x86/mm/init_32.c.</remarks>
internal static class LinuxLayout32
{
    private const ulong UsualSplit = 0xc000_0000;
    private const ulong LowestSplit = 0x4000_0000;
    private const ulong Top = 0xffff_ffff;

    // Where the per-processor part of the entry area ends is not recorded: eight processors need a third of this.
    private const ulong CpuEntryAreaBytes = 4 * MiB;

    /// <summary>Names the parts.</summary>
    /// <param name="mode">Two-level or PAE paging.</param>
    /// <param name="idt">Base of the IDT, which is the first page of the entry area since 4.15; null if not recorded.</param>
    /// <param name="mappings">All mappings, by ascending address.</param>
    public static List<LayoutRegion> Create(PagingMode mode, ulong? idt, IReadOnlyList<MappedStretch> mappings)
    {
        bool pae = mode == PagingMode.Pae;
        ulong directory = Layout32.DirectoryBytes(pae);
        ulong split = FindSplit(mappings);
        ulong highMemory = split;
        foreach (MappedStretch stretch in mappings)
        {
            if (stretch.Linear == highMemory && stretch.Linear - stretch.Physical == split) highMemory += stretch.Bytes;
        }

        ulong entryArea = idt is ulong table && table >= 0xf000_0000 && table % directory == 0 ? table : 0;
        ulong ldt = entryArea == 0 ? 0 : Layout32.LdtBelow(entryArea, pae);
        ulong pkmap = entryArea == 0 ? 0 : Layout32.PkmapBelow(ldt, pae);
        var regions = new List<LayoutRegion> { Region(0, split - 1, KernelRegionKind.User) };
        if (highMemory > split) regions.Add(Region(split, highMemory - 1, KernelRegionKind.DirectMap));
        ulong vmallocEnd = entryArea == 0 ? Top : pkmap - 1;
        if (highMemory + Layout32.VmallocOffset < vmallocEnd) regions.Add(Region(highMemory + Layout32.VmallocOffset, vmallocEnd, KernelRegionKind.Vmalloc));
        if (entryArea == 0) return regions;
        regions.Add(Region(pkmap, ldt - 1, KernelRegionKind.Pkmap));
        regions.Add(Region(ldt, entryArea - 1, KernelRegionKind.LdtRemap));
        regions.Add(Region(entryArea, entryArea + CpuEntryAreaBytes - 1, KernelRegionKind.CpuEntryArea));
        regions.Add(Region(entryArea + CpuEntryAreaBytes, Top, KernelRegionKind.Fixmap));
        return regions;
    }

    private static LayoutRegion Region(ulong first, ulong last, KernelRegionKind kind) => new(first, last, kind.Name(is64Bit: false));

    // PAGE_OFFSET: the distance of the first supervisor page that lies where a kernel may begin.
    private static ulong FindSplit(IReadOnlyList<MappedStretch> mappings)
    {
        foreach (MappedStretch stretch in mappings)
        {
            ulong distance = (stretch.Linear - stretch.Physical) & Top;
            if (!stretch.User && stretch.Linear >= LowestSplit && distance % (4 * MiB) == 0 && distance >= LowestSplit) return distance;
        }

        return UsualSplit;
    }
}
