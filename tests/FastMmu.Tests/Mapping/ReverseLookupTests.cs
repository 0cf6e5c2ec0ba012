using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class ReverseLookupTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);

    public void Dispose() => _memory.Dispose();

    /// <summary>Every byte of every range found goes where it says, and no page that leads there is missing.</summary>
    [Fact]
    public void RangesOntoFramesAreTheWayBack() => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0UL, 8 * MiB)));
        for (int i = 0; i < 12; i++)
        {
            ulong size = random.Next(4) == 0 ? 2 * MiB : 4096UL * (ulong)random.Next(1, 5), align = size == 2 * MiB ? size : 4096;
            ulong linear = (random.Next(2) == 0 ? 0 : 0xffff_8000_0000_0000) + (align * (ulong)random.Next(40));
            space.Map(linear, (16 * MiB) + (align * (ulong)random.Next(6)), size, random.Next(2) == 0 ? Rights.UserRead : Rights.UserReadWrite);
        }

        var frames = new PhysicalRange((16 * MiB) + (ulong)random.Next(0x8000), (ulong)random.Next(1, 3 * (int)MiB));
        AddressSpaceView view = space.View();
        MappedRange[] found = [.. view.RangesOnto(frames)];
        ulong bytes = 0;
        foreach (MappedPage page in view.Pages())
        {
            ulong first = Math.Max(page.Physical.Value, frames.Start.Value), end = Math.Min(page.Physical.Value + page.Size.Bytes(), frames.End);
            if (first >= end) continue;
            bytes += end - first;
            LinearAddress linear = page.Linear + (first - page.Physical.Value);
            MappedRange range = Assert.Single(found, r => r.Range.Contains(linear));
            Assert.Equal(first, range.Physical.Value + (linear - range.Range.Start));
            Assert.Equal(page.Rights, range.Rights);
        }

        Assert.Equal(bytes, found.Aggregate(0UL, (sum, r) => sum + r.Range.Length));
        Assert.Equal(found.OrderBy(r => r.Range.Start.Value), found);
        PhysicalAddress one = frames.Start;
        Assert.Equal(
            All(view).Where(p => one.Value - p.Physical.Value < p.Size.Bytes()).Select(p => p.Linear.Value + (one.Value - p.Physical.Value)),
            view.LinearOf(one).Select(a => a.Value));
    }).Holds(60);

    private static List<MappedPage> All(AddressSpaceView view)
    {
        var pages = new List<MappedPage>();
        foreach (MappedPage page in view.Pages()) pages.Add(page);
        return pages;
    }

    [Fact]
    public void Lookup_OfATableThatLeadsToItself_EndsAtItsLimit()
    {
        for (ulong i = 0; i < 512; i++) _memory.Write(0x1000 + (8 * i), 0x1007UL);
        var view = AddressSpaceView.Open(_memory, FastMmu.Processor.PagingMode.FourLevel, 0x1000UL);
        Assert.Equal(1000, view.LinearOf(0x1010, pageLimit: 1000).Count());
        MappedRange last = view.RangesOnto(new PhysicalRange(0x1000, 4096), pageLimit: 5).Last();
        Assert.Equal(0x4000UL, last.Range.Start.Value);
    }
}
