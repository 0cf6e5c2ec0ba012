using FastMmu.Cli.Images;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Images;

/// <summary>Regions that no committed guest has: a kernel without randomisation, other splits, missing symbols.</summary>
public sealed class LayoutTests
{
    private static readonly Dictionary<string, ulong> NoSymbols = [];

    private static string NameOf(List<LayoutRegion> regions, ulong linear) =>
        regions.Where(r => linear >= r.First && linear <= r.Last).Select(r => r.Name).SingleOrDefault("");

    [Fact]
    public void Layout64_WithoutRandomisation_IsTheDocumentedOne()
    {
        List<LayoutRegion> regions = LinuxLayout64.Create(PagingMode.FourLevel, NoSymbols,
        [
            new(0xffff_8880_0000_0000, 0, 0x1000_0000, false),
            new(0xffff_c900_0000_0000, 0x5000, 0x4000, false),
            new(0xffff_ea00_0000_0000, 0x20_0000, 0x20_0000, false),
        ]);
        Assert.Equal("user", NameOf(regions, 0x7fff_ffff_f000));
        Assert.Equal("", NameOf(regions, 0xffff_8000_0000_0000));
        Assert.Equal("LDT remap", NameOf(regions, 0xffff_8800_0000_0000));
        Assert.Equal("direct map of physical memory", NameOf(regions, 0xffff_8880_0fff_ffff));
        Assert.Equal("vmalloc, ioremap", NameOf(regions, 0xffff_e8ff_ffff_ffff));
        Assert.Equal("vmemmap (struct page)", NameOf(regions, 0xffff_ea00_0000_1000));
        Assert.Equal("kernel image", NameOf(regions, 0xffff_ffff_8100_0000));
        Assert.Equal("modules", NameOf(regions, 0xffff_ffff_c000_0000));
        Assert.Equal("fixmap", NameOf(regions, 0xffff_ffff_ff5f_f000));
        Assert.Equal("vsyscall", NameOf(regions, 0xffff_ffff_ff60_0000));
        Assert.Equal("fixmap", NameOf(regions, ulong.MaxValue));
    }

    [Fact]
    public void Layout64_OfAnOldKernel_HasTheDirectMapWhereTheLdtIsToday() => Assert.Equal(
        "direct map of physical memory",
        NameOf(LinuxLayout64.Create(PagingMode.FourLevel, NoSymbols, [new(0xffff_8800_0000_1000, 0x1000, 0x1000, false)]), 0xffff_8800_0000_1000));

    [Fact]
    public void Layout64_SymbolsInDisorder_AreIgnored()
    {
        var symbols = new Dictionary<string, ulong> { ["_stext"] = 0xffff_ffff_9000_0000, ["_etext"] = 0x1000, ["_end"] = ulong.MaxValue };
        List<LayoutRegion> regions = LinuxLayout64.Create(PagingMode.FiveLevel, symbols, []);
        Assert.Equal("kernel image, behind _end", NameOf(regions, 0xffff_ffff_9000_0000));
        Assert.All(regions, r => Assert.True(r.First <= r.Last));
    }

    [Fact]
    public void Layout64_AnyMappings_GiveRegionsInOrderWithoutOverlap()
    {
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            MappedStretch[] stretches = [.. Enumerable.Range(0, 8)
                .Select(_ => (ulong)random.NextInt64() | (0xffff_8000UL << 32))
                .Order()
                .Select(l => new MappedStretch(l & ~0xfffUL, (ulong)random.NextInt64(1L << 40) & ~0xfffUL, 0x1000, false))];
            foreach (PagingMode mode in new[] { PagingMode.FourLevel, PagingMode.FiveLevel })
            {
                List<LayoutRegion> regions = LinuxLayout64.Create(mode, NoSymbols, stretches);
                Assert.All(regions, r => Assert.True(r.First <= r.Last));
                for (int i = 1; i < regions.Count; i++) Assert.True(regions[i].First > regions[i - 1].Last, $"{regions[i - 1]} {regions[i]}");
            }
        }
    }

    [Theory]
    [InlineData(0x8000_0000UL)]
    [InlineData(0x4000_0000UL)]
    [InlineData(0xb000_0000UL)]
    public void Layout32_OtherSplit_IsReadOffTheMappings(ulong split)
    {
        List<LayoutRegion> regions = LinuxLayout32.Create(PagingMode.Pae, 0xff40_0000,
        [
            new(0x1000, 0x5000, 0x1000, true),
            new(split, 0, 0x1000_0000, false),
            new(split + 0x1100_0000, 0x3000, 0x1000, false),
        ]);
        Assert.Equal("user", NameOf(regions, split - 1));
        Assert.Equal("direct map (lowmem)", NameOf(regions, split + 0xfff_ffff));
        Assert.Equal("vmalloc, ioremap", NameOf(regions, split + 0x1100_0000));
        Assert.Equal("pkmap (highmem)", NameOf(regions, 0xff00_0000));
        Assert.Equal("LDT remap", NameOf(regions, 0xff20_0000));
        Assert.Equal("cpu entry area", NameOf(regions, 0xff40_0000));
        Assert.Equal("fixmap", NameOf(regions, 0xffff_f000));
    }

    [Fact]
    public void Layout32_NothingKnown_HasTheUsualSplit() =>
        Assert.Equal("user", NameOf(LinuxLayout32.Create(PagingMode.TwoLevel, null, []), 0xbfff_ffff));
}
