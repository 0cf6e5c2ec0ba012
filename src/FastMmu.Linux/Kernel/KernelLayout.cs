using FastMmu.Addresses;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>How a kernel divides the address space, and where it puts physical memory and itself.</summary>
/// <remarks>Only addresses: <see cref="KernelSpace"/> makes the page tables.</remarks>
public sealed partial class KernelLayout
{
    private const ulong Top32 = 0xffff_ffff;
    private const ulong Page = 4096;

    private readonly List<KernelRegion> _regions = [];

    /// <summary>Computes a layout.</summary>
    /// <param name="options">What it depends on.</param>
    /// <exception cref="ArgumentException">A layout that no kernel has.</exception>
    public KernelLayout(KernelLayoutOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Architecture = options.Architecture;
        Image = options.Image ?? KernelImage.For(options.MemoryEnd);
        if (options.MemoryEnd < Layout64.LoadAddress + Image.Bytes)
        {
            throw new ArgumentException($"A kernel of {Image.Bytes >> 20} MiB does not fit into {options.MemoryEnd >> 20} MiB of memory.", nameof(options));
        }

        if (Architecture.Is64Bit()) Place64();
        else Place32();
    }

    /// <summary>Computes the layout of a machine.</summary>
    /// <param name="memory">Its memory.</param>
    /// <param name="options">All but the end of memory.</param>
    /// <exception cref="ArgumentException">A layout that no kernel has.</exception>
    public static KernelLayout For(PhysicalMemory memory, KernelLayoutOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return new((options ?? new()) with { MemoryEnd = memory.End });
    }

    /// <summary>What the layout was computed from.</summary>
    public KernelLayoutOptions Options { get; }

    /// <summary>Which kernel.</summary>
    public KernelArchitecture Architecture { get; }

    /// <summary>All of the address space, by ascending address without gaps.</summary>
    public IReadOnlyList<KernelRegion> Regions => _regions;

    /// <summary>The address behind the last of user space (TASK_SIZE_MAX, PAGE_OFFSET).</summary>
    public ulong UserEnd { get; private set; }

    /// <summary>Where physical address 0 is mapped (page_offset_base, PAGE_OFFSET).</summary>
    public ulong DirectMap { get; private set; }

    /// <summary>Physical memory that the direct map shows: addresses below this.</summary>
    public ulong DirectMapped { get; private set; }

    /// <summary>First address of the vmalloc area.</summary>
    public ulong VmallocStart { get; private set; }

    /// <summary>The address behind the vmalloc area.</summary>
    public ulong VmallocEnd { get; private set; }

    /// <summary>The page descriptors; 0 on a 32-bit kernel, where they lie in the direct map.</summary>
    public ulong Vmemmap { get; private set; }

    /// <summary>Where the kernel's own text begins (_text).</summary>
    public ulong ImageStart { get; private set; }

    /// <summary>Where that lies in physical memory.</summary>
    public ulong ImagePhysical { get; private set; }

    /// <summary>The difference between the kernel's addresses and its place in memory (phys_base); 0 unless it was moved.</summary>
    public ulong PhysicalBase => ImagePhysical - (ImageStart - Layout64.KernelImage);

    /// <summary>The kernel itself.</summary>
    public KernelImage Image { get; }

    /// <summary>The addresses of a 32-bit layout; null for 64 bits.</summary>
    public Layout32? Areas32 { get; private set; }

    /// <summary>Memory that is in use from the start: firmware, the kernel, and of a 64-bit kernel its page descriptors.</summary>
    public IReadOnlyList<PhysicalRange> ReservedMemory => DescriptorMemory.Length == 0
        ? [new PhysicalRange(0UL, MiB), Image.At(ImagePhysical)]
        : [new PhysicalRange(0UL, MiB), Image.At(ImagePhysical), DescriptorMemory];

    /// <summary>Where page descriptors lie, in memory behind the kernel: 2 MiB for each 128 MiB. Empty on 32 bits.</summary>
    public PhysicalRange DescriptorMemory { get; private set; }

    /// <summary>The options of an allocator for this kernel's memory.</summary>
    /// <param name="processors">Processors.</param>
    public PageAllocatorOptions AllocatorOptions(int processors = 1) => new()
    {
        Architecture = Architecture,
        Processors = processors,
        LowMemoryEnd = Areas32?.MostLowMemory,
        Reserved = ReservedMemory,
    };

    /// <summary>The region of an address.</summary>
    /// <param name="address">Any address; one of more than 32 bits has no region in a 32-bit layout.</param>
    public KernelRegion? RegionOf(ulong address)
    {
        int low = 0, high = _regions.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_regions[middle].Last < address) low = middle + 1;
            else high = middle;
        }

        return low < _regions.Count ? _regions[low] : null;
    }

    private void Add(ulong first, ulong end, KernelRegionKind kind, string formula = "")
    {
        ulong from = _regions.Count == 0 ? 0 : _regions[^1].Last + 1;
        if (first > from) _regions.Add(new(from, first - 1, KernelRegionKind.Hole, ""));
        _regions.Add(new(first, end - 1, kind, formula));
    }

    private void Place64()
    {
        bool five = Architecture == KernelArchitecture.X8664La57;
        if (Options.MemoryEnd > Layout64.MostMemory(five))
        {
            throw new ArgumentException($"{(five ? "Five" : "Four")} levels of tables reach {Layout64.MostMemory(five) >> 40} TiB of memory.", nameof(KernelLayoutOptions));
        }

        AslrRandom? random = Options.Seed.ToGenerator();
        ulong directBytes = Layout64.DirectMapBytes(five), vmemmapBytes = Layout64.VmemmapBytes(five);
        (DirectMap, VmallocStart, Vmemmap) = (Layout64.DirectMap(five), Layout64.Vmalloc(five), Layout64.Vmemmap(five));
        (ImageStart, ImagePhysical) = (Layout64.KernelImage + Layout64.LoadAddress, Layout64.LoadAddress);
        if (random is not null)
        {
            ulong direct = Math.Min(Layout64.MostMemory(five) / TiB, ((Options.MemoryEnd + TiB - 1) / TiB) + (ulong)Options.PaddingTebibytes);
            ulong vmemmap = ((direct << 28) * Options.PageDescriptorBytes + TiB - 1) / TiB;
            // A kernel of one build keeps its image's place first, then the regions'.
            ulong room = Math.Min(Options.MemoryEnd, 3 * GiB);
            if (room > DescriptorBytes() + Layout64.LoadAddress + Image.At(0).Length) room -= DescriptorBytes();
            ImagePhysical = Kaslr.Slot(Layout64.LoadAddress, room, Image.At(0).Length, random);
            ImageStart = Layout64.KernelImage + Kaslr.Slot(Layout64.LoadAddress, Layout64.RandomImageBytes, Image.At(0).Length, random);
            ulong[] bases = Kaslr.Place(DirectMap, Layout64.CpuEntryArea, [direct, Layout64.VmallocBytes(five) / TiB, vmemmap], random.Next());
            (DirectMap, VmallocStart, Vmemmap) = (bases[0], bases[1], bases[2]);
            (directBytes, vmemmapBytes) = (direct * TiB, vmemmap * TiB);
        }

        UserEnd = five ? UserLayout.TaskSizeLa57 : UserLayout.TaskSize64;
        VmallocEnd = VmallocStart + Layout64.VmallocBytes(five);
        DirectMapped = Options.MemoryEnd;
        PlaceDescriptors();
        List64(five, random is not null, directBytes, vmemmapBytes);
    }

    private void List64(bool five, bool random, ulong directBytes, ulong vmemmapBytes)
    {
        string shift = random ? " + random multiple of 1 GiB" : "";
        ulong half = five ? 0xff00_0000_0000_0000 : 0xffff_8000_0000_0000;
        Add(0, UserEnd, KernelRegionKind.User, five ? "(1 << 56) - PAGE_SIZE" : "(1 << 47) - PAGE_SIZE");
        Add(UserEnd, UserEnd + Page, KernelRegionKind.UserGuard, "last page of the lower half");
        Add(UserEnd + Page, half, KernelRegionKind.NonCanonical, five ? "bits 63:56 not all equal" : "bits 63:47 not all equal");
        Add(half, Layout64.LdtRemap(five), KernelRegionKind.GuardHole, "PGD slots -256 to -241");
        Add(Layout64.LdtRemap(five), Layout64.LdtRemap(five) + Layout64.LdtRemapBytes(five), KernelRegionKind.LdtRemap, "PGD slot -240");
        Add(DirectMap, DirectMap + directBytes, KernelRegionKind.DirectMap, "page_offset_base" + shift);
        Add(VmallocStart, VmallocEnd, KernelRegionKind.Vmalloc, "vmalloc_base" + shift);
        Add(Vmemmap, Vmemmap + vmemmapBytes, KernelRegionKind.Vmemmap, "vmemmap_base" + shift + ", 64 bytes a page");
        if (!random) Add(Layout64.KasanShadow(five), Layout64.KasanShadowEnd, KernelRegionKind.KasanShadow, "(address >> 3) + 0xdffffc0000000000");
        Add(Layout64.CpuEntryArea, Layout64.CpuEntryArea + Layout64.EntryBytes, KernelRegionKind.CpuEntryArea, "PGD slot -4, in steps of 512 GiB");
        Add(Layout64.EspFix, Layout64.EspFix + Layout64.EntryBytes, KernelRegionKind.EspFix, "PGD slot -2, in steps of 512 GiB");
        Add(Layout64.Efi, Layout64.EfiEnd, KernelRegionKind.Efi, "-68 GiB to -4 GiB");
        ulong modules = Layout64.KernelImage + (random ? Layout64.RandomImageBytes : Layout64.RandomImageBytes / 2);
        Add(Layout64.KernelImage, modules, KernelRegionKind.KernelImage, $"__START_KERNEL_map, _text at {ImageStart:x}");
        Add(modules, Layout64.ModulesEnd, KernelRegionKind.Modules, "__START_KERNEL_map + KERNEL_IMAGE_SIZE");
        Add(Layout64.ModulesEnd, Layout64.Vsyscall, KernelRegionKind.Fixmap, "down from FIXADDR_TOP = VSYSCALL_ADDR + 2 MiB - PAGE_SIZE");
        Add(Layout64.Vsyscall, Layout64.Vsyscall + Page, KernelRegionKind.Vsyscall, "-10 MiB");
        Add(Layout64.Vsyscall + Page, Layout64.FixmapTop + Page, KernelRegionKind.Fixmap, "FIXADDR_TOP");
        _regions.Add(new(Layout64.FixmapTop + Page, ulong.MaxValue, KernelRegionKind.Hole, ""));
    }

    private void Place32()
    {
        bool pae = Architecture == KernelArchitecture.I386Pae;
        Layout32 areas = Areas32 = new Layout32(Options);
        UserEnd = DirectMap = areas.PageOffset;
        DirectMapped = areas.LowMemory;
        (VmallocStart, VmallocEnd) = (areas.VmallocStart, areas.VmallocEnd);
        // Text and data of a 32-bit kernel are part of the direct map.
        ulong room = Math.Min(areas.LowMemory, 512 * MiB);
        ImagePhysical = Options.Seed.ToGenerator() is AslrRandom random
            ? Kaslr.Slot(Layout64.LoadAddress, room, Image.At(0).Length, random)
            : Layout64.LoadAddress;
        ImageStart = DirectMap + ImagePhysical;
        string directory = pae ? "2 MiB" : "4 MiB";
        Add(0, UserEnd, KernelRegionKind.User, "PAGE_OFFSET");
        Add(DirectMap, areas.HighMemory, KernelRegionKind.DirectMap,
            $"min(RAM, MAXMEM = VMALLOC_END - PAGE_OFFSET - {areas.VmallocReserve >> 20} MiB = {(double)areas.MostLowMemory / MiB:0.##} MiB)");
        Add(VmallocStart, VmallocEnd, KernelRegionKind.Vmalloc, $"high_memory + 8 MiB to {(areas.HasPkmap ? "PKMAP_BASE" : "LDT_BASE_ADDR")} - 2 pages");
        if (areas.HasPkmap)
        {
            Add(areas.Pkmap, areas.Pkmap + ((ulong)areas.PkmapSlots * Page), KernelRegionKind.Pkmap,
                $"{areas.PkmapSlots} slots, LDT_BASE_ADDR - PAGE_SIZE down to {directory}");
        }

        Add(areas.LdtRemap, areas.LdtRemap + areas.Directory, KernelRegionKind.LdtRemap, $"CPU_ENTRY_AREA_BASE - PAGE_SIZE down to {directory}");
        Add(areas.CpuEntryArea, areas.EntryAreaEnd, KernelRegionKind.CpuEntryArea,
            $"fixmap - PAGE_SIZE * ({Options.MostProcessors} * {Layout32.EntryAreaPages} + 1), down to {directory}");
        Add(areas.FixmapStart, Layout32.FixmapTop, KernelRegionKind.Fixmap, $"FIXADDR_TOP - {areas.FixmapSlots} pages");
        _regions.Add(new(Layout32.FixmapTop, Top32, KernelRegionKind.Hole, ""));
    }

    private ulong DescriptorBytes()
    {
        ulong sections = (Options.MemoryEnd + (128 * MiB) - 1) / (128 * MiB);
        return sections * 32768 * Options.PageDescriptorBytes;
    }

    // Right behind the kernel if there is room, else in front of it; enough for every section of 128 MiB up to the end of memory.
    private void PlaceDescriptors()
    {
        ulong bytes = (DescriptorBytes() + (2 * MiB) - 1) & ~((2 * MiB) - 1);
        PhysicalRange image = Image.At(ImagePhysical);
        ulong low = Math.Min(Options.MemoryEnd, 3 * GiB);
        ulong start = image.End + bytes <= low ? image.End : 2 * MiB;
        if (start < image.Start.Value ? start + bytes > image.Start.Value : start + bytes > Options.MemoryEnd)
        {
            start = Options.MemoryEnd > 4 * GiB && 4 * GiB + bytes <= Options.MemoryEnd
                ? 4 * GiB
                : throw new ArgumentException($"The descriptors of {Options.MemoryEnd >> 20} MiB of memory find no room in it.", nameof(KernelLayoutOptions));
        }

        DescriptorMemory = new PhysicalRange(new PhysicalAddress(start), bytes);
    }
}
