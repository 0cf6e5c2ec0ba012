using FastMmu.Addresses;
using FastMmu.Cli;
using FastMmu.Cli.Images;
using FastMmu.Linux.Kernel;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Kernel;

/// <summary>The kernel's half as it is built here, against that of recorded guests.</summary>
public sealed class RecordedKernelTests
{
    // Where randomisation may put regions, of four levels and of five, is where it did put them.
    [Theory]
    [InlineData("amd64-4l-ption", KernelArchitecture.X8664)]
    [InlineData("amd64-4l-compat32", KernelArchitecture.X8664)]
    [InlineData("amd64-5l-ptioff", KernelArchitecture.X8664La57)]
    public void RandomisedRegions_OfARecordedKernel_AreWhereTheAlgorithmPutsThem(string name, KernelArchitecture architecture)
    {
        using RecordedGuest guest = Load(name);
        bool five = architecture == KernelArchitecture.X8664La57;
        bool found = false;
        foreach (PagingState state in States(guest))
        {
            var layout = GuestLayout.Create(guest, in state);
            LayoutRegion? direct = Find(layout, KernelRegionKind.DirectMap), vmalloc = Find(layout, KernelRegionKind.Vmalloc);
            if (direct is not LayoutRegion low || vmalloc is not LayoutRegion middle) continue;
            found = true;
            Assert.Equal(0UL, low.First % GiB);
            Assert.True(low.First >= Layout64.DirectMap(five));
            // One TiB of memory at most, and ten to spare.
            Assert.True(middle.First >= low.First + (11 * TiB));
            Assert.True(middle.First + Layout64.VmallocBytes(five) <= Layout64.CpuEntryArea);
        }

        Assert.True(found);
    }

    // The page size of each part of the direct map beyond the kernel's own image.
    [Theory]
    [InlineData("i386-2level", KernelArchitecture.I386, true)]
    [InlineData("i386-2level-nopse-nopge", KernelArchitecture.I386, false)]
    [InlineData("i386-pae-ptioff", KernelArchitecture.I386Pae, true)]
    public void DirectMap32_OfARecordedKernel_HasThePageSizesOfTheBuiltOne(string name, KernelArchitecture architecture, bool largePages)
    {
        using RecordedGuest guest = Load(name);
        PagingState state = States(guest)[0];
        using PhysicalMemory memory = PhysicalMemory.Create(96 * MiB);
        KernelLayout layout = KernelLayout.For(memory, new() { Architecture = architecture, MostProcessors = 32 });
        using var pages = new FastMmu.Linux.Physical.PageAllocator(memory, layout.AllocatorOptions());
        var kernel = new KernelSpace(pages, layout, new ProcessorFeatures { Pse = largePages });
        Dictionary<ulong, PageSize> built = Sizes(kernel.View()), recorded = Sizes(new AddressSpaceView(guest.Memory, in state));
        ulong step = layout.Areas32!.Directory;
        int compared = 0;
        for (ulong at = layout.DirectMap; at < layout.DirectMap + (80 * MiB); at += step)
        {
            // The recorded image is at 48 or 64 MiB, the built one at 16, and either is cut where its parts meet.
            bool image = (at >= 0xc100_0000 && at < 0xc200_0000) || (at >= 0xc280_0000 && at < 0xc580_0000);
            if (image || !recorded.TryGetValue(at, out PageSize size)) continue;
            Assert.Equal(size, built[at]);
            compared++;
        }

        Assert.InRange(compared, 4, 60);
    }

    private static RecordedGuest Load(string name)
    {
        using var console = new ToolConsole(TextWriter.Null, TextWriter.Null);
        return LongWork.Run(console, name, work => RecordedGuest.Load(RepositoryRoot.Data("images", name), work));
    }

    private static Dictionary<ulong, PageSize> Sizes(AddressSpaceView view)
    {
        var sizes = new Dictionary<ulong, PageSize>();
        foreach (MappedPage page in view.Pages())
        {
            if (page.Range.Start.Value >= 0xc000_0000) sizes[page.Range.Start.Value] = page.Size;
        }

        return sizes;
    }

    // IDT, descriptors, stacks, task states and guards of the first processor, and the registers of the APICs: address for address.
    [Theory]
    [InlineData("amd64-4l-ption", KernelArchitecture.X8664)]
    [InlineData("amd64-5l-ptioff", KernelArchitecture.X8664La57)]
    [InlineData("i386-2level", KernelArchitecture.I386)]
    [InlineData("i386-pae-ptioff", KernelArchitecture.I386Pae)]
    public void EntryAreaAndFixedPages_OfARecordedKernel_AreTheBuiltOnes(string name, KernelArchitecture architecture)
    {
        using RecordedGuest guest = Load(name);
        using PhysicalMemory memory = PhysicalMemory.Create(96 * MiB);
        KernelLayout layout = KernelLayout.For(memory, new() { Architecture = architecture, MostProcessors = 32 });
        using var pages = new FastMmu.Linux.Physical.PageAllocator(memory, layout.AllocatorOptions());
        List<(ulong, Rights)> built = Fixed(new KernelSpace(pages, layout).View(), layout);
        // The page tables of user mode, when they are isolated, show less of the kernel.
        List<(ulong, Rights)> recorded = States(guest).Select(s => Fixed(new AddressSpaceView(guest.Memory, in s), layout)).MaxBy(f => f.Count)!;
        Assert.Equal(recorded, built);
        Assert.InRange(built.Count, 10, 20);
    }

    private static List<(ulong Linear, Rights Rights)> Fixed(AddressSpaceView view, KernelLayout layout)
    {
        var found = new List<(ulong, Rights)>();
        foreach (MappedPage page in view.Pages())
        {
            KernelRegionKind kind = layout.RegionOf(page.Range.Start.Value)!.Value.Kind;
            // Global pages are a matter of isolation, and temporary mappings of the moment.
            bool apic = kind == KernelRegionKind.Fixmap && page.Physical.Value is 0xfec0_0000 or 0xfee0_0000;
            if (kind == KernelRegionKind.CpuEntryArea || apic) found.Add((page.Range.Start.Value, page.Rights & ~Rights.Global));
        }

        return found;
    }

    private static LayoutRegion? Find(GuestLayout layout, KernelRegionKind kind)
    {
        foreach (LayoutRegion region in layout.Regions)
        {
            if (region.Name == kind.Name()) return region;
        }

        return null;
    }

    private static List<PagingState> States(RecordedGuest guest)
    {
        var states = new List<PagingState>();
        foreach (ulong cr3 in guest.Description.Spaces.Select(s => s.Cr3).Append(guest.Description.Cr3.Value).Distinct())
        {
            using Mmu mmu = guest.CreateMmu(ImageQuirks.PdpteAccessed);
            if (guest.TrySelect(mmu, cr3, ImageQuirks.PdpteAccessed, out _)) states.Add(mmu.State);
        }

        return states;
    }
}
