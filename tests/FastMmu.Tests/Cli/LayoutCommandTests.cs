using System.Text.Json;
using Xunit;

namespace FastMmu.Tests.Cli;

public sealed class LayoutCommandTests
{
    [Theory]
    [InlineData("x86_64", "ffff888000000000  ffffc87fffffffff   64 TiB  direct map of physical memory", "4 levels")]
    [InlineData("x86_64-la57", "ffa0000000000000  ffd1ffffffffffff  12.5 PiB  vmalloc, ioremap", "5 levels")]
    [InlineData("i386", "c0000000  f6ffdfff   880 MiB  direct map (lowmem)", "2 levels")]
    [InlineData("i386-pae", "c0000000  f75fdfff   886 MiB  direct map (lowmem)", "3 levels")]
    public void Layout_OfEachArchitecture_ShowsItsRegionsAndZones(string architecture, string region, string levels)
    {
        ToolRun run = ToolRun.Of("layout", "--arch", architecture);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains(Squeeze(region), Squeeze(run.Output));
        Assert.Contains(levels, run.Output);
        Assert.Contains(architecture.StartsWith('i') ? "HighMem" : "DMA32", run.Output);
        Assert.Contains("mmap_base", run.Output);
    }

    [Fact]
    public void Layout_Seeded_IsTheSameEachTimeAndAnotherForAnotherSeed()
    {
        string first = ToolRun.Of("layout", "--kaslr", "7").Output;
        Assert.Equal(first, ToolRun.Of("layout", "--kaslr", "7").Output);
        Assert.NotEqual(first, ToolRun.Of("layout", "--kaslr", "8").Output);
        Assert.Contains("randomised (seed 7)", first);
    }

    [Fact]
    public void Layout_AsJson_CoversAllAddresses()
    {
        ToolRun run = ToolRun.Of("layout", "--arch", "x86_64", "--json", "--ram", "24G", "--kaslr", "0x10");
        Assert.Equal(0, run.Code);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement regions = json.RootElement.GetProperty("regions");
        Assert.Equal("0x0000000000000000", regions[0].GetProperty("first").GetString());
        Assert.Equal("0xffffffffffffffff", regions[regions.GetArrayLength() - 1].GetProperty("last").GetString());
        Assert.Equal(4, json.RootElement.GetProperty("zones").GetArrayLength());
        Assert.Equal(24UL << 30, json.RootElement.GetProperty("ramBytes").GetUInt64());
    }

    [Fact]
    public void Layout_MuchMemory_CostsNothing()
    {
        Assert.Equal(0, ToolRun.Of("layout", "--ram", "48T").Code);
        Assert.Equal(0, ToolRun.Of("layout", "--arch", "x86_64-la57", "--ram", "2P").Code);
    }

    [Theory]
    [InlineData("--arch", "vax")]
    [InlineData("--ram", "abc")]
    [InlineData("--ram", "")]
    [InlineData("--ram", "0")]
    [InlineData("--ram", "4097")]
    [InlineData("--ram", "16M")]
    [InlineData("--ram", "100T")]
    [InlineData("--ram", "99999999999T")]
    [InlineData("--kaslr", "-1")]
    [InlineData("--kaslr", "x")]
    [InlineData("--vmalloc", "256M")]
    [InlineData("--arch", "i386", "--vmalloc", "2G")]
    [InlineData("--arch", "i386", "--vmalloc", "1000P")]
    public void Layout_Impossible_IsOneLineAndCode2(params string[] args)
    {
        ToolRun run = ToolRun.Of(["layout", .. args]);
        Assert.Equal(2, run.Code);
        Assert.Equal("", run.Output);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain("internal error", run.Error);
    }

    private static string Squeeze(string text) => string.Join(' ', text.Split([' '], StringSplitOptions.RemoveEmptyEntries));
}
