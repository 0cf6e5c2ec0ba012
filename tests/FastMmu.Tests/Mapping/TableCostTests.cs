using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class TableCostTests
{
    [Fact]
    public void OneLevel_AnyPages_CostsAnEntryForEveryPageThereCouldBe()
    {
        IReadOnlyList<TableCost> costs = TableCost.Of([new LinearRange(0x40_0000, 4096)]);
        Assert.Equal(new TableCost(TableShape.OneLevel32, 1, 4 * MiB), costs[0]);
        Assert.Equal(new TableCost(TableShape.OneLevel48, 1, 512 * GiB), costs.Single(c => c.Shape == TableShape.OneLevel48));
        Assert.Equal(new TableCost(TableShape.OneLevel57, 1, 256 * TiB), costs.Single(c => c.Shape == TableShape.OneLevel57));
    }

    [Fact]
    public void NoPages_CostTheRoot()
    {
        Assert.All(TableCost.Of([]), cost => Assert.Equal(1, cost.Tables));
        Assert.Equal([4 * MiB, 4096UL, 32UL, 512 * GiB, 4096UL, 256 * TiB, 4096UL], TableCost.Of([]).Select(c => c.Bytes!.Value));
    }

    [Fact]
    public void PagesBeyondAnArrangement_CostNothingThatCouldBeSaid()
    {
        IReadOnlyList<TableCost> wide = TableCost.Of([new LinearRange(0x1000, 4096), new LinearRange(0x7f00_0000_0000, 4096)]);
        Assert.Equal([null, null, null, 1L, 7L, 1L, 8L], wide.Select(c => c.Tables));
        IReadOnlyList<TableCost> wider = TableCost.Of([new LinearRange(0x00ff_0000_0000_0000, 4096)]);
        Assert.Equal([null, null, null, null, null, 1L, 5L], wider.Select(c => c.Tables));
    }

    [Fact]
    public void CountsArePrefixesCountedOneByOne() => Prop.ForAll(
        MappingGenerators.Linear(PagingMode.FourLevel).ArrayOf().ToArbitrary(),
        MappingGenerators.Length.Where(l => l < 100 * MiB).ArrayOf().ToArbitrary(),
        (starts, lengths) =>
        {
            List<LinearRange> ranges = [.. starts.Zip(lengths, (s, l) => new LinearRange(s, l)).Where(r => r.Start.IsCanonical(48) && r.Last.IsCanonical(48) && r.Last > r.Start)];
            TableCost cost = TableCost.Of(ranges).Single(c => c.Shape == TableShape.FourLevel);
            var prefixes = new HashSet<(int Level, ulong Prefix)> { (4, 0) };
            foreach (LinearRange range in ranges)
            {
                for (ulong offset = 0; offset < range.Length; offset += 4096)
                {
                    for (int level = 1; level < 4; level++) prefixes.Add((level, (range.Start.Value + offset) >> (12 + (9 * level))));
                }
            }

            Assert.Equal((prefixes.Count, (ulong)prefixes.Count * 4096), (cost.Tables, cost.Bytes));
        }).Holds(60);

    [Fact]
    public void CostOfASpaceIsTheTablesThatItHas() => Prop.ForAll(MappingGenerators.Stories, story =>
    {
        using var memory = PhysicalMemory.Create(64 * MiB);
        PageMapper space = PageMapper.Create(story.Mode, memory, new BitmapFrameAllocator(memory));
        foreach (MappingStep step in story.Steps)
        {
            space.LargestPage = step.Largest;
            _ = space.Map(step.Linear, step.Physical, step.Length, step.Attributes);
        }

        TableShape shape = story.Mode switch
        {
            PagingMode.TwoLevel => TableShape.TwoLevel,
            PagingMode.Pae => TableShape.ThreeLevel,
            PagingMode.FourLevel => TableShape.FourLevel,
            _ => TableShape.FiveLevel,
        };
        AddressSpaceSummary summary = space.View().Summarize();
        // PAE's directories are there, needed or not.
        long spare = story.Mode == PagingMode.Pae ? 4 - UsedDirectories(space) : 0;
        Assert.Equal(summary.Tables - spare, TableCost.Of(space.View()).Single(c => c.Shape == shape).Tables);
    }).Holds(25);

    [Fact]
    public void LargePages_InOtherArrangements_AreCutToSizesThatExist()
    {
        using var memory = PhysicalMemory.Create(16 * MiB);
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BitmapFrameAllocator(memory));
        Assert.True(space.Map(1 * GiB, 0, 1 * GiB, Rights.UserRead).Ok);
        IReadOnlyList<TableCost> large = TableCost.Of(space.View());
        // Root only; root and directory; PML4 and PDPT; and one more.
        Assert.Equal([1L, 1L, 2L, 1L, 2L, 1L, 3L], large.Select(c => c.Tables));
        Assert.Equal([1L, 257L, 514L, 1L, 515L, 1L, 516L], TableCost.Of(space.View(), largePages: false).Select(c => c.Tables));
    }

    [Fact]
    public void Counter_RangesDescending_Throws()
    {
        var counter = new TableCostCounter(TableShape.FourLevel);
        counter.Add(new LinearRange(0x2000, 4096));
        counter.Add(new LinearRange(0x2000, 4096));
        counter.Add(new LinearRange(0x1000, 0));
        Assert.Throws<ArgumentException>(() => counter.Add(new LinearRange(0x1000, 4096)));
        Assert.Equal(4, counter.Cost.Tables);
    }

    private static long UsedDirectories(PageMapper space)
    {
        var used = new HashSet<ulong>();
        foreach (MappedPage page in space.View().Pages()) used.Add(page.Linear.Value >> 30);
        return used.Count;
    }
}
