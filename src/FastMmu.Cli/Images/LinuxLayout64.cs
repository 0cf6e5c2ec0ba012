using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
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
    // Recorded kernels may be randomised: modules begin behind the addresses that their image may take.
    private const ulong Modules = Layout64.KernelImage + Layout64.RandomImageBytes;

    /// <summary>Names the parts.</summary>
    /// <param name="mode">Four- or five-level paging.</param>
    /// <param name="symbols">Addresses of kernel symbols, as far as known.</param>
    /// <param name="kernel">The mappings of the upper half, by ascending address.</param>
    public static List<LayoutRegion> Create(PagingMode mode, IReadOnlyDictionary<string, ulong> symbols, IReadOnlyList<MappedStretch> kernel)
    {
        bool five = mode == PagingMode.FiveLevel;
        ulong userEnd = five ? 1UL << 56 : 1UL << 47;
        ulong ldtRemap = Layout64.LdtRemap(five);
        var regions = new List<LayoutRegion> { Region(0, userEnd - 1, KernelRegionKind.User) };
        ulong direct = FindDirectMap(kernel, ldtRemap);
        if (direct != ldtRemap) regions.Add(Region(ldtRemap, Math.Min(ldtRemap + Layout64.LdtRemapBytes(five), direct) - 1, KernelRegionKind.LdtRemap));
        AddRandomised(regions, kernel, direct, Layout64.VmallocBytes(five));
        regions.Add(Region(Layout64.CpuEntryArea, Layout64.CpuEntryArea + Layout64.EntryBytes - 1, KernelRegionKind.CpuEntryArea));
        regions.Add(Region(Layout64.EspFix, Layout64.EspFix + Layout64.EntryBytes - 1, KernelRegionKind.EspFix));
        regions.Add(Region(Layout64.Efi, Layout64.EfiEnd - 1, KernelRegionKind.Efi));
        AddKernelImage(regions, symbols);
        regions.Add(Region(Modules, Layout64.ModulesEnd - 1, KernelRegionKind.Modules));
        regions.Add(Region(Layout64.ModulesEnd, Layout64.Vsyscall - 1, KernelRegionKind.Fixmap));
        regions.Add(Region(Layout64.Vsyscall, Layout64.Vsyscall + 0xfff, KernelRegionKind.Vsyscall));
        regions.Add(Region(Layout64.Vsyscall + 0x1000, ulong.MaxValue, KernelRegionKind.Fixmap));
        return regions;
    }

    private static LayoutRegion Region(ulong first, ulong last, KernelRegionKind kind) => new(first, last, kind.Name());

    /// <summary>
    /// All physical memory is mapped at one distance from its addresses: the first mapping whose distance is a multiple of 1 GiB tells it.
    /// </summary>
    private static ulong FindDirectMap(IReadOnlyList<MappedStretch> kernel, ulong from)
    {
        foreach (MappedStretch stretch in kernel)
        {
            ulong distance = stretch.Linear - stretch.Physical;
            if (stretch.Linear >= from && stretch.Linear < Layout64.CpuEntryArea && distance % GiB == 0 && distance >= from) return distance;
        }

        return ulong.MaxValue;
    }

    private static void AddRandomised(List<LayoutRegion> regions, IReadOnlyList<MappedStretch> kernel, ulong direct, ulong vmallocBytes)
    {
        if (direct == ulong.MaxValue) return;
        ulong behindDirect = Layout64.CpuEntryArea, vmalloc = Layout64.CpuEntryArea, vmemmap = Layout64.CpuEntryArea;
        foreach (MappedStretch stretch in kernel)
        {
            if (stretch.Linear < direct || stretch.Linear >= Layout64.CpuEntryArea || stretch.Linear - stretch.Physical == direct) continue;
            ulong start = stretch.Linear & ~(GiB - 1);
            if (vmalloc == Layout64.CpuEntryArea)
            {
                behindDirect = vmalloc = start;
            }
            else if (stretch.Linear - vmalloc >= vmallocBytes)
            {
                vmemmap = start;
                break;
            }
        }

        regions.Add(Region(direct, behindDirect - 1, KernelRegionKind.DirectMap));
        if (vmalloc == Layout64.CpuEntryArea) return;
        regions.Add(Region(vmalloc, Math.Min(vmalloc + vmallocBytes, Layout64.CpuEntryArea) - 1, KernelRegionKind.Vmalloc));
        if (vmemmap != Layout64.CpuEntryArea) regions.Add(Region(vmemmap, Layout64.CpuEntryArea - 1, KernelRegionKind.Vmemmap));
    }

    private static void AddKernelImage(List<LayoutRegion> regions, IReadOnlyDictionary<string, ulong> symbols)
    {
        ulong at = Layout64.KernelImage;
        Add("_stext", "kernel image");
        Add("_etext", "kernel text");
        Add("__end_rodata", "kernel read-only data");
        Add("_end", "kernel data and bss");
        if (at < Modules) regions.Add(new(at, Modules - 1, at == Layout64.KernelImage ? "kernel image" : "kernel image, behind _end"));

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
