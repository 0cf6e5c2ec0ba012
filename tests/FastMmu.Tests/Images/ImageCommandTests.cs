using System.Text.Json;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

public sealed class ImageCommandTests
{
    [Fact]
    public void Image_OfARealGuest_TellsWhatItIsAndAgrees()
    {
        ToolRun run = ToolRun.Of("image", RepositoryRoot.Data("images", "amd64-4l-ption"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Matches("^[0-9]+ checked, 0 mismatched$", run.LastLine);
        foreach (string text in new[]
        {
            "4-level paging, linear addresses of 48 bits, physical ones of 40, 64-bit mode at CPL 3",
            "page-table isolation: this is the user half; the kernel half is CR3 0x2cec000",
            "CR4      0x750ef0 [PSE PAE MCE PGE OSFXSR OSXMMEXCPT UMIP FSGSBASE OSXSAVE SMEP SMAP PKE]",
            "GDT at 0xfffffe0000001000 (physical 0x980b000), 16 entries, Linux x86-64",
            "DEFAULT_USER32_CS",
            "ffffff7000007000  ffffff70ffff7fff  espfix stacks",
            "ffff8ca389806000  ffff8ca389806fff  direct map of physical memory",
            "/anon_hugepage (deleted)",
            "one level, 48-bit        1  512 GiB",
            "four levels          2,086  8.1 MiB",
            "as built here           36  144 KiB",
            "fewer, for some are reached by several paths",
            "all agree",
        }) Assert.Contains(text, run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("WRONG", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_OfAnotherAddressSpace_NamesTheKernelsRegions()
    {
        ToolRun run = ToolRun.Of("image", "--cr3", "2cec000", RepositoryRoot.Data("images", "amd64-4l-ption"));
        Assert.Equal(0, run.Code);
        foreach (string text in new[]
        {
            "this is the kernel half; the user half is CR3 0x2ced000",
            "ffff8ca380000000  ffff8ca389fdffff  direct map of physical memory",
            "ffffcf8b40000000  ffffef8b3fc02fff  vmalloc, ioremap",
            "fffff219c0000000  fffff219c03fffff  vmemmap (struct page)",
            "ffffffff97a00000  ffffffff98801fff  kernel text",
            "modules",
        }) Assert.Contains(text, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amd64-5l-ptioff", "ff46fdec00000000  ff46fdec09fdffff  direct map", "ffce42a0c0000000  ffce42a0c03fffff  vmemmap", "vsyscall")]
    [InlineData("i386-pae-ptioff", "c0000000  c5fdffff  direct map (lowmem)", "c67e0000  c6b40fff  vmalloc, ioremap", "ff400000  ff40afff  cpu entry area")]
    [InlineData("i386-2level-nopse-nopge", "c0000000  c5fdffff  direct map (lowmem)", "c67e0000  c6b3efff  vmalloc, ioremap", "ffffb000  ffffcfff  fixmap")]
    [InlineData("amd64-4l-compat32", "compatibility mode (32-bit code in long mode) at CPL 3", "probe32, process 114", "RSP      0xffed3240  rw-p [stack]")]
    [InlineData("synthetic-2level-pse36", "32-bit two-level paging", "4 MiB", "all agree")]
    public void Image_OfEveryMode_NamesItsRegions(string name, params string[] texts)
    {
        ToolRun run = ToolRun.Of("image", RepositoryRoot.Data("images", name));
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (string text in texts) Assert.Contains(text, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_WithAWrongAnswer_SaysSoAndExitsWith1()
    {
        using var folder = new GuestFolder();
        folder.Write("queries.tsv", "vaddr\texpected\n0x401234\t0x6234\n");
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal(1, run.Code);
        Assert.EndsWith(" checked, 1 mismatched", run.LastLine, StringComparison.Ordinal);
        Assert.Contains("0x401234: expected 0x6234, got 0x5234", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_WithoutOptionalFiles_SaysWhatIsMissing()
    {
        using GuestFolder folder = new GuestFolder().With("0x401800", "0x10000000");
        foreach (string name in new[] { "queries.tsv", "mappings.tsv", "spaces/queries.tsv", "pagemap.tsv", "maps.txt" }) folder.Delete(name);
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal((0, "6 checked, 0 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("not recorded, not checked: queries.tsv, mappings.tsv", run.Output, StringComparison.Ordinal);
        Assert.Contains("the GDT cannot be read: #PF", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_PagingOff_IsSaid()
    {
        using GuestFolder folder = new GuestFolder()
            .With("\"paging_mode\": \"2level\"", "\"paging_mode\": \"none\"").With("\"CR0\": \"0x80010001\"", "\"CR0\": \"0x10\"");
        folder.Delete("mappings.tsv");
        folder.Delete("pagemap.tsv");
        folder.Delete("spaces/queries.tsv");
        folder.Write("queries.tsv", "vaddr\texpected\n0x401234\t0x401234\n");
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal((0, "1 checked, 0 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("Paging is off", run.Output, StringComparison.Ordinal);
        Assert.Equal(0, ToolRun.Of("explain", "401234", "--image", folder.Path).Code);
    }

    [Fact]
    public void Image_WithTablesThatMapThemselves_Ends()
    {
        using GuestFolder folder = LongModeFolder();
        for (int i = 0; i < 512; i++) BitConverter.TryWriteBytes(folder.Memory.AsSpan(0x1000 + (8 * i)), 0x1067UL);
        folder.Save();
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("68,719,476,736", run.Output, StringComparison.Ordinal);
        Assert.Contains("only the first 1,048,576 pages", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_WithRandomTables_NeverFails()
    {
        for (int seed = 0; seed < 3; seed++)
        {
            using GuestFolder folder = LongModeFolder();
            new Random(seed).NextBytes(folder.Memory);
            // A root that leads into the guest's own memory more often than chance would.
            for (int i = 0; i < folder.Memory.Length; i += 8) folder.Memory[i + 2] = folder.Memory[i + 3] = folder.Memory[i + 4] = folder.Memory[i + 5] = folder.Memory[i + 6] = 0;
            folder.Save();
            ToolRun run = ToolRun.Of("image", folder.Path);
            Assert.Equal((0, ""), (run.Code, run.Error));
        }
    }

    [Fact]
    public void Image_MapsFileDamaged_IsOneLineAndExitsWith2()
    {
        using var folder = new GuestFolder();
        folder.Write("maps.txt", "00401000-00402000 rw-p 00000000 00:00 0\nrubbish\n");
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal(2, run.Code);
        Assert.Equal($"fastmmu: {folder.Place("maps.txt", 2)}: not a line of /proc/PID/maps\n", run.Error);
    }

    [Fact]
    public void Image_NamesThatWouldControlATerminal_AreMadeHarmless()
    {
        using GuestFolder folder = new GuestFolder().With("\"case\": \"made-up\"", "\"case\": \"\\u001b[31mred\"").With("\"idle\"", "\"\\u001b]0;\"");
        folder.Write("maps.txt", "00401000-00402000 rw-p 00000000 00:00 0 \e[2J\n");
        ToolRun run = ToolRun.Of("image", folder.Path);
        Assert.Equal(0, run.Code);
        Assert.DoesNotContain('\e', run.Output);
    }

    [Fact]
    public void Image_Json_IsOneValueWithTheSameCounts()
    {
        using var folder = new GuestFolder();
        ToolRun run = ToolRun.Of("image", "--json", folder.Path);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement root = json.RootElement;
        Assert.Equal(0, run.Code);
        Assert.Equal("32-bit two-level", root.GetProperty("pagingMode").GetString());
        Assert.Equal(16, root.GetProperty("checked").GetInt32());
        Assert.Equal(0, root.GetProperty("mismatched").GetInt32());
        Assert.Equal(2, root.GetProperty("levels").GetArrayLength());
        Assert.Equal(0x401000UL, root.GetProperty("mapped").EnumerateArray().Aggregate(0UL, (sum, m) => sum + m.GetProperty("bytes").GetUInt64()));
        Assert.Equal("[heap]", root.GetProperty("areas")[0].GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("--cr3", "xyz")]
    [InlineData("--cr3", "fffffffffffff000")]
    [InlineData("--limit", "-1")]
    [InlineData("--no-quirk", "gravity")]
    [InlineData("--frobnicate", "1")]
    public void Image_BadOption_IsOneLineAndExitsWith2(string option, string value)
    {
        using var folder = new GuestFolder();
        ToolRun run = ToolRun.Of("image", folder.Path, option, value);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    private static GuestFolder LongModeFolder()
    {
        GuestFolder folder = new GuestFolder()
            .With("\"paging_mode\": \"2level\"", "\"paging_mode\": \"la48\"")
            .With("\"CR4\": \"0x10\"", "\"CR4\": \"0x20\", \"EFER\": \"0xd00\"");
        foreach (string name in new[] { "queries.tsv", "mappings.tsv", "spaces/queries.tsv", "pagemap.tsv" }) folder.Delete(name);
        return folder;
    }
}
