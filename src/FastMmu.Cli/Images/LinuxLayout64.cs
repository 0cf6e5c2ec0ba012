using FastMmu.Addresses;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Cli.Images;

/// <summary>
/// The parts of a 64-bit Linux address space. With address-space randomisation the bases of three regions are random multiples of 1 GiB,
/// in a fixed order and with known sizes; they are read off the mappings.
/// </summary>
/// <remarks>Source: Linux, Documentation/arch/x86/x86_64/mm.rst; arch/x86/mm/kaslr.c: kernel_randomize_memory.</remarks>
internal static class LinuxLayout64
{
    private const ulong CpuEntryArea = 0xffff_fe00_0000_0000;
    private const ulong EspFix = 0xffff_ff00_0000_0000;
    private const ulong EspFixEnd = 0xffff_ff80_0000_0000;
    private const ulong Efi = 0xffff_ffef_0000_0000;
    private const ulong EfiEnd = 0xffff_ffff_0000_0000;
    private const ulong KernelImage = 0xffff_ffff_8000_0000;
    private const ulong Modules = 0xffff_ffff_c000_0000;
    private const ulong Fixmap = 0xffff_ffff_ff00_0000;
    private const ulong Vsyscall = 0xffff_ffff_ff60_0000;

    /// <summary>Names the parts.</summary>
    /// <param name="mode">Four- or five-level paging.</param>
    /// <param name="symbols">Addresses of kernel symbols, as far as known.</param>
    /// <param name="kernel">The mappings of the upper half, by ascending address.</param>
    public static List<LayoutRegion> Create(PagingMode mode, IReadOnlyDictionary<string, ulong> symbols, IReadOnlyList<MappedStretch> kernel)
    {
        bool five = mode == PagingMode.FiveLevel;
        ulong userEnd = five ? 1UL << 56 : 1UL << 47;
        ulong ldtRemap = five ? 0xff10_0000_0000_0000 : 0xffff_8800_0000_0000;
        var regions = new List<LayoutRegion> { new(0, userEnd - 1, "user") };
        ulong direct = FindDirectMap(kernel, ldtRemap);
        if (direct != ldtRemap) regions.Add(new(ldtRemap, Math.Min(ldtRemap + (five ? 256 * TiB : TiB / 2), direct) - 1, "LDT remap"));
        AddRandomised(regions, kernel, direct, five ? 12800 * TiB : 32 * TiB);
        regions.Add(new(CpuEntryArea, CpuEntryArea + (TiB / 2) - 1, "cpu entry area"));
        regions.Add(new(EspFix, EspFixEnd - 1, "espfix stacks"));
        regions.Add(new(Efi, EfiEnd - 1, "EFI runtime services"));
        AddKernelImage(regions, symbols);
        regions.Add(new(Modules, Fixmap - 1, "modules"));
        regions.Add(new(Fixmap, Vsyscall - 1, "fixmap"));
        regions.Add(new(Vsyscall, Vsyscall + 0xfff, "vsyscall"));
        regions.Add(new(Vsyscall + 0x1000, ulong.MaxValue, "fixmap"));
        return regions;
    }

    /// <summary>
    /// All physical memory is mapped at one distance from its addresses: the first mapping whose distance is a multiple of 1 GiB tells it.
    /// </summary>
    private static ulong FindDirectMap(IReadOnlyList<MappedStretch> kernel, ulong from)
    {
        foreach (MappedStretch stretch in kernel)
        {
            ulong distance = stretch.Linear - stretch.Physical;
            if (stretch.Linear >= from && stretch.Linear < CpuEntryArea && distance % GiB == 0 && distance >= from) return distance;
        }

        return ulong.MaxValue;
    }

    private static void AddRandomised(List<LayoutRegion> regions, IReadOnlyList<MappedStretch> kernel, ulong direct, ulong vmallocBytes)
    {
        if (direct == ulong.MaxValue) return;
        ulong behindDirect = CpuEntryArea, vmalloc = CpuEntryArea, vmemmap = CpuEntryArea;
        foreach (MappedStretch stretch in kernel)
        {
            if (stretch.Linear < direct || stretch.Linear >= CpuEntryArea || stretch.Linear - stretch.Physical == direct) continue;
            ulong start = stretch.Linear & ~(GiB - 1);
            if (vmalloc == CpuEntryArea)
            {
                behindDirect = vmalloc = start;
            }
            else if (stretch.Linear - vmalloc >= vmallocBytes)
            {
                vmemmap = start;
                break;
            }
        }

        regions.Add(new(direct, behindDirect - 1, "direct map of physical memory"));
        if (vmalloc == CpuEntryArea) return;
        regions.Add(new(vmalloc, Math.Min(vmalloc + vmallocBytes, CpuEntryArea) - 1, "vmalloc, ioremap"));
        if (vmemmap != CpuEntryArea) regions.Add(new(vmemmap, CpuEntryArea - 1, "vmemmap (struct page)"));
    }

    private static void AddKernelImage(List<LayoutRegion> regions, IReadOnlyDictionary<string, ulong> symbols)
    {
        ulong at = KernelImage;
        Add("_stext", "kernel image");
        Add("_etext", "kernel text");
        Add("__end_rodata", "kernel read-only data");
        Add("_end", "kernel data and bss");
        if (at < Modules) regions.Add(new(at, Modules - 1, at == KernelImage ? "kernel image" : "kernel image, behind _end"));

        void Add(string endSymbol, string name)
        {
            if (!symbols.TryGetValue(endSymbol, out ulong end)) return;
            // Sections begin at page boundaries; a large page may hold the end of one and the beginning of the next.
            end = (end + 0xfff) & ~0xfffUL;
            if (end <= at || end > Modules) return;
            regions.Add(new(at, end - 1, name));
            at = end;
        }
    }
}
