using FastMmu.Addresses;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>
/// The kernel's half as real page tables (init_mm), with the page sizes that the kernel uses: what is mapped here, every
/// <see cref="Mmu"/> translates. All tasks share it: their top tables have the same entries.
/// </summary>
/// <remarks>
/// <para>Every entry of the top table that the kernel will ever need stands from the start, so that copies of it never go stale. On
/// 64 bits the kernel does the same for its vmalloc area; on two levels it copies new entries into each task's directory instead, where
/// here the page tables of the whole area stand.</para>
/// <para>Not thread-safe, as the allocator under it.</para>
/// </remarks>
public sealed class KernelSpace
{
    private const ulong Page = 4096;
    private const ulong LocalApic = 0xfee0_0000;
    private const ulong IoApic = 0xfec0_0000;

    private readonly PageAllocator _pages;
    private readonly KernelTables _tables;
    private readonly PageMapper _mapper;

    /// <summary>Builds the kernel's half.</summary>
    /// <param name="pages">Where tables come from; made with the <see cref="KernelLayout.AllocatorOptions"/> of the layout.</param>
    /// <param name="layout">Where everything goes.</param>
    /// <param name="features">The processor; null for one with NX, global and 1-GiB pages.</param>
    /// <exception cref="ArgumentException">The layout is for another memory: the kernel would lie where there is no RAM, or in pages handed out.</exception>
    /// <exception cref="InsufficientMemoryException">There are no pages left for tables.</exception>
    public KernelSpace(PageAllocator pages, KernelLayout layout, ProcessorFeatures? features = null)
    {
        ArgumentNullException.ThrowIfNull(pages);
        ArgumentNullException.ThrowIfNull(layout);
        _pages = pages;
        Layout = layout;
        Features = features ?? new ProcessorFeatures { La57 = true };
        foreach (PhysicalRange range in layout.ReservedMemory)
        {
            bool ram = range.Start.Value == 0 || pages.Memory.Ranges.Any(r => r.Kind == MemoryKind.Ram && r.Start <= range.Start && range.End <= r.End);
            if (!ram || layout.Options.MemoryEnd != pages.Memory.End || pages.Options.Architecture != layout.Architecture)
            {
                throw new ArgumentException($"The layout is not that of this memory: {range} must be RAM.", nameof(layout));
            }
        }

        PagingMode mode = layout.Architecture.Mode();
        _mapper = PageMapper.Create(mode, pages.Memory, pages.TableFrames, Features);
        _tables = new KernelTables(pages.Memory, pages.TableFrames, mode, _mapper.Root);
        if (layout.Architecture.Is64Bit()) Build64();
        else Build32();
        Vmalloc = new VmallocArea(pages, layout, _tables);
        Highmem = layout.Areas32 is null ? null : new HighMemory(pages, layout, _tables);
    }

    /// <summary>Where everything is.</summary>
    public KernelLayout Layout { get; }

    /// <summary>The processor for which entries are made.</summary>
    public ProcessorFeatures Features { get; }

    /// <summary>The top table (swapper_pg_dir).</summary>
    public PhysicalAddress Root => _tables.Root;

    /// <summary>Memory that is contiguous in addresses only.</summary>
    public VmallocArea Vmalloc { get; }

    /// <summary>Mappings of memory that a 32-bit kernel has no address for; null on 64 bits.</summary>
    public HighMemory? Highmem { get; }

    /// <summary>A view of the kernel's page tables.</summary>
    public AddressSpaceView View() => _mapper.View();

    /// <summary>Puts the kernel's half into another top table of the same mode, as for a new task (pgd_ctor).</summary>
    /// <param name="root">The top table. Its entries of the kernel's half are overwritten.</param>
    /// <remarks>A space that is given up must lose these entries first: <see cref="RemoveTopLevel"/>. With PAE, CR3 has to be written again.</remarks>
    public void CopyTopLevel(PhysicalAddress root) => ForTopLevel(root, copy: true);

    /// <summary>Takes the kernel's half out of a top table, so that the tables below it are not taken for the task's own.</summary>
    /// <param name="root">The top table.</param>
    public void RemoveTopLevel(PhysicalAddress root) => ForTopLevel(root, copy: false);

    private void ForTopLevel(PhysicalAddress root, bool copy)
    {
        int first = FirstKernelEntry;
        for (int i = first; i < _tables.TopEntries; i++)
        {
            ulong offset = (ulong)(i * _tables.EntryBytes);
            _tables.Store(root + offset, copy ? _tables.Read(Root + offset) : 0);
        }
    }

    /// <summary>Page tables that all tasks share: those below the kernel's entries of the top table. Counted by a walk over them.</summary>
    public long SharedTables
    {
        get
        {
            // The mapper gives PAE's top table all its page directories, of which those of the user's part stay empty.
            long own = 1;
            for (int i = 0; i < FirstKernelEntry; i++) own += (long)(_tables.Read(Root + (ulong)(i * _tables.EntryBytes)) & KernelTables.Present);
            return View().Summarize().Tables - own;
        }
    }

    /// <summary>How many entries of a task's top table are present and the kernel's own.</summary>
    /// <param name="root">The task's top table.</param>
    public int CountShared(PhysicalAddress root)
    {
        int shared = 0;
        for (int i = FirstKernelEntry; i < _tables.TopEntries; i++)
        {
            ulong offset = (ulong)(i * _tables.EntryBytes), entry = _tables.Read(root + offset);
            if ((entry & KernelTables.Present) != 0 && entry == _tables.Read(Root + offset)) shared++;
        }

        return shared;
    }

    /// <summary>The first entry of the top table that belongs to the kernel.</summary>
    public int FirstKernelEntry => Layout.Architecture switch
    {
        KernelArchitecture.I386 or KernelArchitecture.I386Pae => (int)(Layout.DirectMap >> _tables.TopShift),
        _ => _tables.TopEntries / 2,
    };

    private static PageAttributes Data => new(Rights.SupervisorReadWrite | Rights.Global) { Accessed = true, Dirty = true };

    private static PageAttributes ReadOnly => new(Rights.SupervisorRead | Rights.Global) { Accessed = true, Dirty = true };

    private static PageAttributes Code => new(Rights.SupervisorReadExecute | Rights.Global) { Accessed = true, Dirty = true };

    private void Build64()
    {
        bool five = Layout.Architecture == KernelArchitecture.X8664La57;
        MapDirect(Features.OneGigabytePages ? PageSize.Size1G : PageSize.Size2M, smallHead: MiB);
        MapImage64();
        MapDescriptors();
        // One table under each entry of the top: nothing of the vmalloc area changes the top afterwards.
        ulong step = 1UL << _tables.TopShift;
        for (ulong at = Layout.VmallocStart & ~(step - 1); at < Layout.VmallocEnd; at += step) _tables.Ensure(at, _tables.Levels - 1);
        _tables.Ensure(Layout64.LdtRemap(five), _tables.Levels - 1);
        _tables.Ensure(Layout64.EspFix, _tables.Levels - 1);
        _tables.Ensure(Layout64.Efi, _tables.Levels - 1);
        MapEntryAreas(
            Layout64.CpuEntryArea, Layout64.EntryAreaBytes,
            [(1, false), (1, true), (5, false), (1, null), (2, true), (1, null), (2, true), (1, null), (2, true), (1, null), (2, true)]);
        // The fixed pages share the top entry of the kernel; the APICs are those that every machine has.
        _tables.SetLeaf(Layout64.FixmapTop - (Layout64.LocalApicSlot * Page), Device(LocalApic));
        _tables.SetLeaf(Layout64.FixmapTop - ((Layout64.LocalApicSlot + 1) * Page), Device(IoApic));
    }

    private void Build32()
    {
        Layout32 areas = Layout.Areas32!;
        bool large = Layout.Architecture == KernelArchitecture.I386Pae || Features.Pse;
        // The first directory entry is mapped by small pages: the memory types of its first MiB differ.
        MapDirect(!large ? PageSize.Size4K : areas.Directory == 4 * MiB ? PageSize.Size4M : PageSize.Size2M, smallHead: areas.Directory);
        ProtectImage32();
        for (ulong at = areas.VmallocStart; at < areas.VmallocEnd; at = (at + areas.Directory) & ~(areas.Directory - 1))
        {
            if (Layout.Architecture == KernelArchitecture.I386) _tables.Ensure(at, 1);
        }

        if (areas.HasPkmap) _tables.Ensure(areas.Pkmap, 1);
        _tables.Ensure(areas.LdtRemap, 1);
        for (ulong at = areas.FixmapStart & ~(areas.Directory - 1); at <= 0xffff_ffff; at += areas.Directory) _tables.Ensure(at, 1);
        // On 32 bits the processor writes to descriptors and task states where they are.
        MapEntryAreas(areas.CpuEntryArea, Layout32.EntryAreaPages * Page, [(1, true), (1, null), (1, true), (1, null), (6, true)]);
        _tables.SetLeaf(Layout32.FixmapAddress(Layout32.LocalApicSlot), Device(LocalApic));
        _tables.SetLeaf(Layout32.FixmapAddress(Layout32.LocalApicSlot + 1), Device(IoApic));
    }

    // A register page: not cached.
    private ulong Device(ulong physical) => _tables.Leaf(physical) | (1 << 3) | (1 << 4);

    private void MapDirect(PageSize largest, ulong smallHead)
    {
        foreach (MemoryRange range in _pages.Memory.Ranges)
        {
            ulong start = range.Start.Value, end = Math.Min(range.End, Layout.DirectMapped);
            if (range.Kind != MemoryKind.Ram || start >= end) continue;
            ulong head = start < smallHead ? Math.Min(smallHead, end) : start;
            Map(Layout.DirectMap + start, start, head - start, Data, PageSize.Size4K);
            Map(Layout.DirectMap + head, head, end - head, Data, largest);
        }
    }

    private void MapImage64()
    {
        KernelImage image = Layout.Image;
        ulong rodata = image.RodataOffset, data = image.DataOffset;
        Map(Layout.ImageStart, Layout.ImagePhysical, PageUp(image.TextBytes), Code, PageSize.Size2M);
        Map(Layout.ImageStart + rodata, Layout.ImagePhysical + rodata, PageUp(image.RodataBytes), ReadOnly, PageSize.Size2M);
        // Up to the next 2 MiB: what lies behind the end is given back as addresses only.
        Map(Layout.ImageStart + data, Layout.ImagePhysical + data, image.At(0).Length - data, Data, PageSize.Size2M);
        // The same pages in the direct map lose the right to be written, too.
        Protect(Layout.DirectMap + Layout.ImagePhysical, PageUp(image.TextBytes), Rights.SupervisorRead | Rights.Global);
        Protect(Layout.DirectMap + Layout.ImagePhysical + rodata, PageUp(image.RodataBytes), Rights.SupervisorRead | Rights.Global);
        // Modules and fixed pages lie below the same entry.
        _tables.Ensure(Layout64.ModulesEnd - (2 * MiB), 2);
        _tables.Ensure(Layout64.Vsyscall, 1);
        _tables.Ensure(Layout64.FixmapTop - (2 * MiB), 1);
    }

    private void ProtectImage32()
    {
        KernelImage image = Layout.Image;
        ulong start = Layout.ImageStart;
        Protect(start, PageUp(image.TextBytes), Rights.SupervisorReadExecute | Rights.Global);
        Protect(start + image.RodataOffset, PageUp(image.RodataBytes), Rights.SupervisorRead | Rights.Global);
    }

    private void MapDescriptors()
    {
        ulong section = 128 * MiB, bytes = section / Page * Layout.Options.PageDescriptorBytes;
        ulong physical = Layout.DescriptorMemory.Start.Value;
        for (ulong start = 0; start < Layout.Options.MemoryEnd; start += section, physical += bytes)
        {
            bool present = _pages.Memory.Ranges.Any(r => r.Kind == MemoryKind.Ram && r.Start.Value < start + section && start < r.End);
            if (present) Map(Layout.Vmemmap + (start / Page * Layout.Options.PageDescriptorBytes), physical, bytes, Data, PageSize.Size2M);
        }
    }

    // The IDT, then for each processor pages that are read-only, writable, or guards.
    private void MapEntryAreas(ulong start, ulong size, ReadOnlySpan<(int Pages, bool? Writable)> parts)
    {
        MapOwn(start, writable: false);
        ulong at = start + Page;
        for (int cpu = 0; cpu < _pages.Options.Processors; cpu++)
        {
            ulong next = at;
            foreach ((int pages, bool? writable) in parts)
            {
                for (int i = 0; i < pages; i++, next += Page)
                {
                    if (writable is bool right) MapOwn(next, right);
                }
            }

            at += size;
        }
    }

    private void MapOwn(ulong address, bool writable)
    {
        if (!_pages.TryAllocate(GfpFlags.Kernel | GfpFlags.Zero, 0, out ulong frame)) throw NoMemory();
        ulong leaf = _tables.Leaf(frame * Page);
        _tables.SetLeaf(address, writable ? leaf : leaf & ~(KernelTables.Write | KernelTables.Dirty));
    }

    private void Map(ulong linear, ulong physical, ulong bytes, PageAttributes attributes, PageSize largest)
    {
        _mapper.LargestPage = largest;
        MapOutcome outcome = _mapper.Map(new LinearAddress(linear), new PhysicalAddress(physical), bytes, attributes);
        if (outcome.Result == MapResult.OutOfFrames) throw NoMemory();
        if (!outcome.Ok) throw new ArgumentException($"The kernel cannot be mapped at {linear:x}: {outcome}.");
    }

    private void Protect(ulong linear, ulong bytes, Rights rights)
    {
        if (_mapper.Protect(new LinearAddress(linear), bytes, rights).Result == MapResult.OutOfFrames) throw NoMemory();
    }

    private static ulong PageUp(ulong value) => (value + Page - 1) & ~(Page - 1);

    private static InsufficientMemoryException NoMemory() => new("No page is left for the kernel's half.");
}
