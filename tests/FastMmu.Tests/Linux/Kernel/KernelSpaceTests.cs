using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Kernel;

public sealed class KernelSpaceTests
{
    [Theory]
    [InlineData(KernelArchitecture.X8664, 0UL)]
    [InlineData(KernelArchitecture.X8664, 3UL)]
    [InlineData(KernelArchitecture.X8664La57, 0UL)]
    [InlineData(KernelArchitecture.X8664La57, 4UL)]
    [InlineData(KernelArchitecture.I386, 0UL)]
    [InlineData(KernelArchitecture.I386Pae, 9UL)]
    public void EveryMappedPage_TranslatesAsTheConversionsSay(KernelArchitecture architecture, ulong seed)
    {
        using var guest = new KernelGuest(architecture, 1 * GiB, seed);
        long pages = 0;
        foreach (MappedPage page in guest.Kernel.View().Pages())
        {
            ulong linear = page.Range.Start.Value;
            KernelRegion region = guest.Layout.RegionOf(linear)!.Value;
            Assert.NotEqual(KernelRegionKind.Hole, region.Kind);
            Assert.False(page.Rights.HasFlag(Rights.User));
            Assert.False(page.Rights.HasFlag(Rights.Write) && page.Rights.HasFlag(Rights.Execute) && architecture != KernelArchitecture.I386);
            Assert.Equal(page.Physical.Value, guest.Mmu.Probe(page.Range.Start, Access.Read, Privilege.Supervisor).Physical.Value);
            if (region.Kind is KernelRegionKind.DirectMap or KernelRegionKind.KernelImage)
            {
                if (guest.Layout.TryVirtToPhys(linear, out ulong physical)) Assert.Equal(page.Physical.Value, physical);
                else Assert.True(linear >= guest.Layout.ImageStart + guest.Layout.Image.DataOffset);
            }

            pages++;
        }

        Assert.InRange(pages, 500, 20000);
        Assert.Equal(guest.Layout.DirectMapped - 4096, Translate(guest, guest.Layout.DirectMap + guest.Layout.DirectMapped - 4096));
    }

    [Fact]
    public void DirectMap64_IsMadeOfTheLargestPages()
    {
        using var guest = new KernelGuest(KernelArchitecture.X8664, 5 * GiB, 0);
        Assert.Equal(PageSize.Size4K, SizeAt(guest, guest.Layout.DirectMap));
        Assert.Equal(PageSize.Size2M, SizeAt(guest, guest.Layout.DirectMap + (2 * MiB)));
        Assert.Equal(PageSize.Size1G, SizeAt(guest, guest.Layout.DirectMap + (1 * GiB)));
        Assert.Equal(PageSize.Size1G, SizeAt(guest, guest.Layout.DirectMap + (5 * GiB)));
        Assert.False(guest.Mmu.Probe(new LinearAddress(guest.Layout.DirectMap + (3 * GiB)), Access.Read, Privilege.Supervisor).Ok);
        Assert.Equal(PageSize.Size2M, SizeAt(guest, guest.Layout.ImageStart));
        Assert.Equal(PageSize.Size2M, SizeAt(guest, guest.Layout.Vmemmap));
        foreach (MappedPage page in guest.Kernel.View().Pages()) Assert.True(page.Rights.HasFlag(Rights.Global));
    }

    [Fact]
    public void Image_HasTheRightsOfItsParts_InTheDirectMapToo()
    {
        using var guest = new KernelGuest(KernelArchitecture.X8664, 1 * GiB, 11);
        KernelLayout layout = guest.Layout;
        Assert.Equal(Rights.SupervisorReadExecute | Rights.Global, RightsAt(guest, layout.ImageStart));
        Assert.Equal(Rights.SupervisorRead | Rights.Global, RightsAt(guest, layout.ImageStart + layout.Image.RodataOffset));
        Assert.Equal(Rights.SupervisorReadWrite | Rights.Global, RightsAt(guest, layout.ImageStart + layout.Image.DataOffset));
        Assert.Equal(Rights.SupervisorRead | Rights.Global, RightsAt(guest, layout.DirectMap + layout.ImagePhysical));
        Assert.Equal(Rights.SupervisorReadWrite | Rights.Global, RightsAt(guest, layout.DirectMap + layout.ImagePhysical + layout.Image.DataOffset));
        Assert.False(guest.Mmu.Probe(new LinearAddress(layout.ImageStart + layout.Image.RodataOffset - 1), Access.Read, Privilege.Supervisor).Ok);
    }

    [Theory]
    [InlineData(KernelArchitecture.I386, PageSize.Size4M)]
    [InlineData(KernelArchitecture.I386Pae, PageSize.Size2M)]
    public void DirectMap32_HasSmallPagesFirstAndAtItsEnd(KernelArchitecture architecture, PageSize large)
    {
        using var guest = new KernelGuest(architecture, 2 * GiB, 0);
        Assert.Equal(PageSize.Size4K, SizeAt(guest, 0xc000_0000));
        Assert.Equal(large, SizeAt(guest, 0xc000_0000 + guest.Layout.Areas32!.Directory));
        Assert.Equal(PageSize.Size4K, SizeAt(guest, guest.Layout.Areas32.HighMemory - 4096));
        Assert.False(guest.Mmu.Probe(new LinearAddress(guest.Layout.Areas32.HighMemory), Access.Read, Privilege.Supervisor).Ok);
    }

    [Theory]
    [InlineData(KernelArchitecture.X8664)]
    [InlineData(KernelArchitecture.X8664La57)]
    [InlineData(KernelArchitecture.I386)]
    [InlineData(KernelArchitecture.I386Pae)]
    public void TopLevel_CopiedIntoATask_ShowsTheKernelAndWhatItMapsLater(KernelArchitecture architecture)
    {
        using var guest = new KernelGuest(architecture, 1 * GiB, 0);
        long free = guest.Pages.FreePages;
        PageMapper task = PageMapper.Create(architecture.Mode(), guest.Memory, guest.Pages.TableFrames, guest.Mmu.Features);
        guest.Kernel.CopyTopLevel(task.Root);
        task.Map(0x40_0000, 0x20_0000, 8 * KiB, Rights.UserRead);
        Assert.True(guest.Kernel.Vmalloc.TryAllocate(40 * KiB, out ulong address));
        Assert.True(guest.Kernel.Vmalloc.TryFrameOf(address + 0x9fff, out ulong frame));
        using var mmu = new Mmu(guest.Memory, guest.Mmu.Features);
        KernelGuest.Enable(mmu, architecture, task.Root);
        Assert.Equal((frame << 12) + 0xfff, mmu.Probe(new LinearAddress(address + 0x9fff), Access.Write, Privilege.Supervisor).Physical.Value);
        Assert.Equal(0x20_1000UL, mmu.Probe(0x40_1000).Physical.Value);
        Assert.False(mmu.Probe(new LinearAddress(address), Access.Read, Privilege.User).Ok);
        guest.Kernel.RemoveTopLevel(task.Root);
        task.Release();
        guest.Kernel.Vmalloc.Free(address);
        Assert.Equal(guest.Layout.DirectMapped - 4096, Translate(guest, guest.Layout.DirectMap + guest.Layout.DirectMapped - 4096));
        // PAE's own directory of the kernel's half was replaced, and a 64-bit vmalloc area keeps its tables.
        Assert.InRange(free - guest.Pages.FreePages, 0, 3);
    }

    [Fact]
    public void Vmalloc_Pieces_AreApartByAGuardAndUsedAgainAfterAPurge()
    {
        using var guest = new KernelGuest(KernelArchitecture.X8664, 1 * GiB, 0);
        VmallocArea area = guest.Kernel.Vmalloc;
        var purged = new List<LinearRange>();
        area.Purged = purged.Add;
        Assert.True(area.TryAllocate(1, out ulong first));
        Assert.True(area.TryAllocate(3 * 4096, out ulong second));
        Assert.Equal(guest.Layout.VmallocStart, first);
        Assert.Equal(first + 8192, second);
        Assert.False(area.TryFrameOf(first + 4096, out _));
        Assert.False(guest.Mmu.Probe(new LinearAddress(first + 4096), Access.Read, Privilege.Supervisor).Ok);
        Assert.Equal(4 * 4096UL, area.UsedBytes);
        area.Free(first);
        Assert.False(area.TryFrameOf(first, out _));
        Assert.True(area.TryAllocate(1, out ulong third));
        Assert.NotEqual(first, third);
        Assert.Empty(purged);
        area.Purge();
        Assert.Equal([new LinearRange(new LinearAddress(first), 4096)], purged);
        Assert.True(area.TryAllocate(1, out ulong again));
        Assert.Equal(first, again);
        Assert.Equal(3, area.Count);
        Assert.Throws<ArgumentException>(() => area.Free(first + 4096));
        area.Free(first);
        Assert.Throws<ArgumentException>(() => area.Free(first));
    }

    [Fact]
    public void Vmalloc_MoreThanThereIs_ChangesNothing()
    {
        using var guest = new KernelGuest(KernelArchitecture.I386Pae, 256 * MiB, 0);
        long free = guest.Pages.FreePages;
        Assert.False(guest.Kernel.Vmalloc.TryAllocate(0, out _));
        Assert.False(guest.Kernel.Vmalloc.TryAllocate(ulong.MaxValue, out _));
        Assert.False(guest.Kernel.Vmalloc.TryAllocate(guest.Pages.ManagedPages * 4096, out _));
        Assert.InRange(free - guest.Pages.FreePages, 0, 200);
        Assert.Equal(0, guest.Kernel.Vmalloc.Count);
    }

    [Fact]
    public void Vmalloc_FreedInMass_IsPurgedByItself()
    {
        using var guest = new KernelGuest(KernelArchitecture.X8664, 1 * GiB, 0);
        VmallocArea area = guest.Kernel.Vmalloc;
        int purges = 0;
        area.Purged = _ => purges++;
        for (ulong i = 0; i <= area.MostLazyPages / 1024; i++)
        {
            Assert.True(area.TryAllocate(4 * MiB, out ulong address));
            area.Free(address);
        }

        Assert.Equal(1, purges);
    }

    [Fact]
    public void Layout_OfAnotherMemory_IsRefused()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(512 * MiB);
        KernelLayout layout = new(new() { MemoryEnd = 1 * GiB });
        using var pages = new PageAllocator(memory, layout.AllocatorOptions());
        Assert.Throws<ArgumentException>(() => new KernelSpace(pages, layout));
    }

    private static ulong Translate(KernelGuest guest, ulong address) =>
        guest.Mmu.Probe(new LinearAddress(address), Access.Read, Privilege.Supervisor).Physical.Value;

    private static PageSize SizeAt(KernelGuest guest, ulong address) => guest.Mmu.Probe(new LinearAddress(address)).PageSize;

    private static Rights RightsAt(KernelGuest guest, ulong address) => guest.Mmu.Probe(new LinearAddress(address)).Rights;
}
