using System.Text.Json;
using System.Text.RegularExpressions;
using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Memory;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Physical;

/// <summary>The texts of /proc against those that a running 6.18 kernel of two processors gave.</summary>
public sealed partial class ProcTextTests : IDisposable
{
    private readonly PhysicalMemory _memory = new([new(0UL, 3 * GiB), new(4 * GiB, 1179648UL * 4096)]);
    private readonly PageAllocator _pages;

    public ProcTextTests() => _pages = new PageAllocator(_memory, new()
    {
        Processors = 2,
        TransparentHugePages = true,
        Reserved = [new PhysicalRange(0UL, MiB), new PhysicalRange(16 * MiB, 9418UL * 4096)],
    });

    public void Dispose()
    {
        _pages.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Zoneinfo_HasTheKernelsLines() => Assert.Equal(Shape(Recorded("zoneinfo.txt")), Shape(ZoneInfo.ToText(_pages)));

    [Fact]
    public void Zoneinfo_MarksAndLimits_AreTheKernelsNumbers()
    {
        string[] fixedLines = ["  min ", "  low ", "  high  ", "  promo ", "  managed ", "protection:", "batch:", "high_min:", "high_max:", "threshold:", "start_pfn:"];
        Assert.Equal(Only(Recorded("zoneinfo.txt")), Only(ZoneInfo.ToText(_pages)));

        IEnumerable<string> Only(string text) => text.Split('\n').Where(line => fixedLines.Any(line.Contains));
    }

    [Fact]
    public void Buddyinfo_HasTheKernelsLines() => Assert.Equal(Shape(Recorded("buddyinfo.txt")), Shape(BuddyInfo.ToText(_pages)));

    [Fact]
    public void Buddyinfo_Untouched_IsWhatMemoryIsMadeOf()
    {
        string[] lines = BuddyInfo.ToText(_pages).Split('\n');
        Assert.Equal("Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 ", lines[0]);
        Assert.Equal("Node 0, zone   Normal      0      0      0      0      0      0      0      0      0      0   1152 ", lines[2]);
        Assert.True(_pages.TryAllocate(GfpFlags.Kernel, 4, out _));
        Assert.Equal("Node 0, zone   Normal      0      0      0      0      1      1      1      1      1      1   1151 ", BuddyInfo.ToText(_pages).Split('\n')[2]);
    }

    [Fact]
    public void Pagetypeinfo_HasTheKernelsLines() => Assert.Equal(Shape(Recorded("pagetypeinfo.txt")), Shape(PageTypeInfo.ToText(_pages)));

    [Fact]
    public void Pagetypeinfo_BlocksOfAKind_ChangeSidesWhole()
    {
        Assert.Contains("Node 0, zone    DMA32            0         1528            0            0            0 ", PageTypeInfo.ToText(_pages));
        Assert.True(_pages.TryAllocate(GfpFlags.Kernel | GfpFlags.Dma32, 0, out _));
        Assert.Contains("Node 0, zone    DMA32            2         1526            0            0            0 ", PageTypeInfo.ToText(_pages));
    }

    [Fact]
    public void Zoneinfo_CountsPagesByWhatTheyAreUsedFor()
    {
        for (int i = 0; i < 7; i++)
        {
            Assert.True(_pages.TryAllocatePage(out ulong frame));
            _pages[frame].Mapping = i < 4 ? -3 : 5;
            _pages[frame].MapCount = 1;
            if (i == 6) _pages[frame].Flags |= PageFlags.SwapBacked;
        }

        Assert.True(_pages.TableFrames.TryAllocate(out _));
        string text = ZoneInfo.ToText(_pages);
        foreach (string line in new[] { "nr_anon_pages 4", "nr_file_pages 3", "nr_shmem     1", "nr_mapped    3", "nr_page_table_pages 1", "nr_zone_inactive_anon 5" })
        {
            Assert.Contains($"\n      {line}\n", text);
        }
    }

    [Fact]
    public void Zoneinfo_Of32Bit_HasItsZonesAndNoNodes()
    {
        using var pages = new PageAllocator(_memory, new() { Architecture = KernelArchitecture.I386Pae });
        string text = ZoneInfo.ToText(pages);
        Assert.Contains("Node 0, zone  HighMem", text);
        Assert.Contains("protection: (0, 880, 3056, 3056)", text);
        Assert.DoesNotContain("numa_hit", text);
        Assert.DoesNotContain("Device", text);
    }

    [Fact]
    public void Json_SaysTheSame()
    {
        using JsonDocument buddy = Write(json => BuddyInfo.WriteJson(json, _pages));
        Assert.Equal(1152, buddy.RootElement[2].GetProperty("freeBlocks")[10].GetInt64());
        using JsonDocument types = Write(json => PageTypeInfo.WriteJson(json, _pages));
        Assert.Equal(1528, types.RootElement[1].GetProperty("types")[1].GetProperty("pageBlocks").GetInt64());
        using JsonDocument zones = Write(json => ZoneInfo.WriteJson(json, _pages));
        JsonElement dma = zones.RootElement.GetProperty("zones")[0];
        Assert.Equal(33, dma.GetProperty("min").GetInt32());
        Assert.Equal(3019, dma.GetProperty("protection")[1].GetInt32());
        Assert.Equal(2, dma.GetProperty("pagesets").GetArrayLength());
    }

    private static JsonDocument Write(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes)) write(json);
        return JsonDocument.Parse(bytes.ToArray());
    }

    private static string Recorded(string file) => File.ReadAllText(RepositoryRoot.Data("physical", file));

    // Numbers, and the spaces that pad them, differ from moment to moment.
    private static string Shape(string text) => Numbers().Replace(text, "N");

    [GeneratedRegex(@" *\d+")]
    private static partial Regex Numbers();
}
