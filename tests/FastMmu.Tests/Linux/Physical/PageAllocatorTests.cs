using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Physical;

public sealed class PageAllocatorTests
{
    [Fact]
    public void Zones_OfAMachineOf8GiB_AreDividedAt16MiBAnd4GiB()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(8 * GiB);
        using var pages = new PageAllocator(memory);
        Assert.Equal([ZoneType.Dma, ZoneType.Dma32, ZoneType.Normal, ZoneType.Movable], pages.Zones.Select(z => z.Type));
        Zone dma = pages.Zones[0], dma32 = pages.Zones[1], normal = pages.Zones[2];
        Assert.Equal((1UL, 4095UL, 3998UL, 3840UL), (dma.Start, dma.Spanned, dma.Present, dma.Managed));
        Assert.Equal((4096UL, 1044480UL, 782336UL), (dma32.Start, dma32.Spanned, dma32.Present));
        Assert.Equal((1048576UL, 1310720UL), (normal.Start, normal.Managed));
        Assert.Equal(0UL, pages.Zones[3].Managed);
        Assert.Equal((long)pages.ManagedPages, pages.FreePages);
    }

    [Fact]
    public void Zones_Of32Bit_HaveHighMemoryAboveTheDirectMap()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(2 * GiB);
        using var pages = new PageAllocator(memory, new() { Architecture = KernelArchitecture.I386, LowMemoryEnd = 0x377f_e000 });
        Assert.Equal(["DMA", "Normal", "HighMem", "Movable"], pages.Zones.Select(z => z.Name));
        Assert.Equal(0x377feUL, pages.Zones[2].Start);
        Assert.True(pages.TryAllocate(GfpFlags.HighUserMovable, 0, out ulong user));
        Assert.Equal(ZoneType.HighMem, pages.ZoneOf(user).Type);
        Assert.True(pages.TryAllocate(GfpFlags.Kernel, 0, out ulong kernel));
        Assert.Equal(ZoneType.Normal, pages.ZoneOf(kernel).Type);
        Assert.Equal(32UL, pages.Zones[3].WatermarkOf(Watermark.Min));
        Assert.Equal(128UL, pages.Zones[2].WatermarkOf(Watermark.Min));
    }

    [Fact]
    public void Zones_WithMovableMemory_GiveItToMovableRequestsOnly()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(6 * GiB);
        using var pages = new PageAllocator(memory, new() { MovableBytes = 1 * GiB });
        Assert.Equal(262144UL, pages.Zones[3].Managed);
        Assert.True(pages.TryAllocatePage(out ulong movable));
        Assert.True(pages.TryAllocate(GfpFlags.User, 0, out ulong fixedPage));
        Assert.Equal(ZoneType.Movable, pages.ZoneOf(movable).Type);
        Assert.Equal(ZoneType.Normal, pages.ZoneOf(fixedPage).Type);
        Assert.Throws<ArgumentException>(() => new PageAllocator(memory, new() { MovableBytes = 16 * GiB }));
    }

    // The numbers of /proc/zoneinfo of a running 6.18 kernel with two processors.
    [Fact]
    public void Watermarks_OfARecordedMachine_AreItsOwn()
    {
        MemoryRange[] ranges = [new(0UL, 3 * GiB), new(4 * GiB, 1179648UL * 4096)];
        using var memory = new PhysicalMemory(ranges);
        using var pages = new PageAllocator(memory, new()
        {
            Processors = 2,
            TransparentHugePages = true,
            Reserved = [new PhysicalRange(0UL, MiB), new PhysicalRange(16 * MiB, 9418UL * 4096)],
        });
        Assert.Equal(67584UL, pages.MinFreeKilobytes);
        Check(pages.Zones[0], 3840, [33, 41, 49, 57], [0, 3019, 7627, 7627, 7627], (1, 20, 240));
        Check(pages.Zones[1], 772918, [6675, 8343, 10011, 11679], [0, 0, 4608, 4608, 4608], (63, 4171, 48307));
        Check(pages.Zones[2], 1179648, [10187, 12733, 15279, 17825], [0, 0, 0, 0, 0], (63, 6366, 73728));
        Assert.Equal([32UL, 32, 32, 32], Enum.GetValues<Watermark>().Select(pages.Zones[3].WatermarkOf));

        void Check(Zone zone, ulong managed, ulong[] marks, ulong[] reserve, (int Batch, int HighMin, int HighMax) limits)
        {
            Assert.Equal(managed, zone.Managed);
            Assert.Equal(marks, Enum.GetValues<Watermark>().Select(zone.WatermarkOf));
            Assert.Equal(reserve, zone.LowmemReserve);
            PerCpuPages own = pages.PerCpu(1, zone);
            Assert.Equal(limits, (own.Batch, own.HighMin, own.HighMax));
        }
    }

    [Theory]
    [InlineData(64UL, 1023UL)]
    [InlineData(1024UL, 4095UL)]
    [InlineData(16384UL, 16383UL)]
    public void MinFree_ComputedFromMemory_IsTheRootOfSixteenTimesIt(ulong megabytes, ulong kilobytes)
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(megabytes * MiB);
        using var pages = new PageAllocator(memory);
        Assert.InRange(pages.MinFreeKilobytes, kilobytes - 10, kilobytes);
    }

    [Fact]
    public void Requests_BeyondAZone_FallBackDownwardsAndLeaveTheLowmemReserve()
    {
        using var memory = new PhysicalMemory([new(0UL, 64 * MiB), new(4 * GiB, 64 * MiB)]);
        using var pages = new PageAllocator(memory);
        var seen = new List<ZoneType>();
        while (pages.TryAllocatePage(out ulong frame))
        {
            ZoneType type = pages.ZoneOf(frame).Type;
            if (seen.Count == 0 || seen[^1] != type) seen.Add(type);
        }

        // First each zone to its low mark, then each to its min mark.
        Assert.Equal([ZoneType.Normal, ZoneType.Dma32, ZoneType.Dma], seen.Take(3));
        int place = 3;
        Assert.All(pages.Zones.Where(z => z.Managed > 0), zone =>
            Assert.InRange(zone.FreePages, (long)(zone.WatermarkOf(Watermark.Min) + zone.LowmemReserve[place]) - 64,
                (long)(zone.WatermarkOf(Watermark.Min) + zone.LowmemReserve[place])));
        Assert.True(pages.TryAllocate(GfpFlags.Atomic, 0, out _), "An urgent request may use half of the reserve.");
        Assert.True(pages.TryAllocate(GfpFlags.Kernel | GfpFlags.MemAlloc, 0, out _));
    }

    [Fact]
    public void Blocks_OfEveryOrder_BeginAtMultiplesOfTheirSize()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(256 * MiB);
        using var pages = new PageAllocator(memory);
        for (int order = 0; order <= Zone.MaxOrder; order++)
        {
            Assert.True(pages.TryAllocate(GfpFlags.Kernel, order, out ulong frame));
            Assert.Equal(0UL, frame & ((1UL << order) - 1));
            Assert.Equal(order, pages[frame].Order);
        }
    }

    [Fact]
    public void CompoundPage_PutThroughAnyOfItsPages_FreesTheWhole()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(64 * MiB);
        using var pages = new PageAllocator(memory);
        long free = pages.FreePages;
        Assert.True(pages.TryAllocate(GfpFlags.HighUserMovable | GfpFlags.Comp, 9, out ulong head));
        pages.Get(head);
        pages.Put(head + 511);
        Assert.Equal(free - 512, pages.FreePages);
        pages.Put(head + 1);
        Assert.Equal(free, pages.FreePages);
        Assert.Throws<ArgumentException>(() => pages.Put(head + 1));
    }

    [Fact]
    public void Block_Split_IsFreedPageByPage()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(64 * MiB);
        using var pages = new PageAllocator(memory);
        long free = pages.FreePages;
        Assert.True(pages.TryAllocate(GfpFlags.Kernel, 3, out ulong frame));
        pages.SplitBlock(frame);
        pages.PutBulk([frame, frame + 1, frame + 2, frame + 3, frame + 4, frame + 5, frame + 6, frame + 7]);
        Assert.Equal(free, pages.FreePages);
    }

    [Fact]
    public void Page_AskedZeroed_IsZero()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(32 * MiB);
        using var pages = new PageAllocator(memory);
        Assert.True(pages.TryAllocate(GfpFlags.Kernel, 0, out ulong frame));
        memory.Span(new PhysicalAddress(frame << 12), 4096).Fill(0xcc);
        pages.Put(frame);
        Assert.True(pages.TryAllocate(GfpFlags.Kernel, 0, out ulong same));
        Assert.Equal(frame, same);
        Assert.Equal(0xcc, memory.Read<byte>(new PhysicalAddress(frame << 12)));
        pages.Put(same);
        Assert.True(pages.TryAllocate(GfpFlags.Kernel | GfpFlags.Zero, 0, out same));
        Assert.False(memory.Span(new PhysicalAddress(same << 12), 4096).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Misuse_IsRefusedAndChangesNothing()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(64 * MiB);
        using var pages = new PageAllocator(memory);
        Assert.True(pages.TryAllocatePage(out ulong frame));
        pages.Put(frame);
        long free = pages.FreePages;
        Assert.Throws<ArgumentException>(() => pages.Put(frame));
        Assert.Throws<ArgumentException>(() => pages.Get(frame));
        Assert.Throws<ArgumentException>(() => pages.Put(0));
        Assert.Throws<ArgumentException>(() => pages.Put(5000));
        Assert.Throws<ArgumentOutOfRangeException>(() => pages.Put(ulong.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => pages[pages.Frames]);
        Assert.Throws<ArgumentOutOfRangeException>(() => pages.TryAllocate(GfpFlags.Kernel, 11, out _));
        Assert.Throws<ArgumentException>(() => pages.TryAllocate(GfpFlags.Dma | GfpFlags.HighMem, 0, out _));
        Assert.Throws<ArgumentException>(() => pages.TryAllocate(GfpFlags.Movable | GfpFlags.Reclaimable, 0, out _));
        Assert.Throws<ArgumentException>(() => pages.TableFrames.Free(new PhysicalAddress(frame << 12)));
        Assert.Equal(free, pages.FreePages);
    }

    [Fact]
    public void Disposed_AnsweredWithAnException()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(64 * MiB);
        var pages = new PageAllocator(memory);
        pages.Dispose();
        pages.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pages.Put(5000));
        Assert.Throws<ObjectDisposedException>(() => pages[5000]);
        Assert.Throws<ObjectDisposedException>(() => pages.TryAllocatePage(out _));
    }

    [Fact]
    public void TableFrames_UnderAMapper_BuildTablesThatTranslate()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(64 * MiB);
        using var pages = new PageAllocator(memory);
        long free = pages.FreePages;
        PageMapper space = PageMapper.Create<Paging4Level>(memory, pages.TableFrames);
        space.Map(0x7f00_0000_0000, 0x20_0000, 12 * KiB, Rights.UserReadWrite);
        using var mmu = new Mmu(memory, FastMmu.Processor.ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        Assert.Equal(0x20_1234UL, mmu.Probe(0x7f00_0000_1234).Physical.Value);
        Assert.Equal(4, pages.Zones.Sum(z => z.PageTablePages));
        space.Release();
        Assert.Equal(0, pages.Zones.Sum(z => z.PageTablePages));
        Assert.Equal(free, pages.FreePages);
    }

    [Fact]
    public void TableFrames_BelowALimit_ComeFromLowerZones()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(8 * GiB);
        using var pages = new PageAllocator(memory);
        Assert.True(pages.TableFrames.TryAllocate(out PhysicalAddress high));
        Assert.True(high.Value >= 4 * GiB);
        Assert.True(pages.TableFrames.TryAllocate(out PhysicalAddress low, 4 * GiB));
        Assert.True(low.Value < 4 * GiB);
        Assert.False(pages.TableFrames.TryAllocate(out _, 4096));
    }
}
