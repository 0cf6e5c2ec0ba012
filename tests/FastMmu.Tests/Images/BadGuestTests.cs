using System.Text;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

/// <summary>Folders that cannot be used: one line on stderr that names the file, exit code 2, nothing else.</summary>
public sealed class BadGuestTests
{
    private static void AssertRefused(GuestFolder folder, string name, string reason)
    {
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"fastmmu: {folder.FileAt(name)}", run.Error, StringComparison.Ordinal);
        Assert.Contains(reason, run.Error, StringComparison.Ordinal);
        Assert.Equal('\n', run.Error[^1]);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Fact]
    public void Folder_Whole_Agrees()
    {
        using var folder = new GuestFolder();
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((0, "10 checked, 0 mismatched", ""), (run.Code, run.LastLine, run.Error));
    }

    [Theory]
    [InlineData("no-such-folder", "no such folder")]
    [InlineData("FastMmu.sln", "is a file")]
    [InlineData("src", "holds no meta.json")]
    [InlineData("tests/data/images", "the folders in it do")]
    public void Folder_IsNone_IsRefused(string name, string reason)
    {
        ToolRun run = ToolRun.Of("verify", "image", Path.Combine(RepositoryRoot.Path, name));
        Assert.Equal(2, run.Code);
        Assert.Contains(reason, run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("{ \"case\": 1,\n \"segments\" ]", ":2: not JSON")]
    [InlineData("", "not JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{ \"a\": 1, \"a\": 2 }", "not JSON")]
    [InlineData("{}", "'registers' is missing")]
    public void Description_IsNoJsonObject_IsRefused(string text, string reason)
    {
        using var folder = new GuestFolder { Meta = text };
        folder.Save();
        AssertRefused(folder, "meta.json", reason);
    }

    [Theory]
    [InlineData("\"case\": \"made-up\"", "\"case\": \"\\ud800\"")]
    [InlineData("\"idle\"", "\"\\udfff\"")]
    [InlineData("\"cpl\"", "\"\\ud800\": 1, \"cpl\"")]
    [InlineData("\"EIP\"", "\"\\ud800\"")]
    public void Description_WithTextThatIsNoUnicode_IsRefusedOrIgnored(string old, string text)
    {
        using GuestFolder folder = new GuestFolder().With(old, text);
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.DoesNotContain("internal error", run.Error, StringComparison.Ordinal);
        Assert.True(run.Code == 0 || run.Error.Contains("is not Unicode", StringComparison.Ordinal));
    }

    [Fact]
    public void Description_NestedWithoutEnd_IsRefused()
    {
        using var folder = new GuestFolder { Meta = "{ \"a\": " + new string('[', 100_000) };
        folder.Save();
        AssertRefused(folder, "meta.json", "not JSON");
    }

    [Theory]
    [InlineData("\"size\": \"0x10000\"", "\"size\": \"0x0\"", "'segments[0].size' is 0")]
    [InlineData("\"size\": \"0x10000\"", "\"size\": \"0xffffffffffffffff\"", "beyond the last physical address")]
    [InlineData("\"size\": \"0x10000\"", "\"size\": 18446744073709551615", "beyond the last physical address")]
    [InlineData("\"size\": \"0x10000\"", "\"size\": 18446744073709551616", "'segments[0].size' is not a number")]
    [InlineData("\"size\": \"0x10000\"", "\"size\": -1", "'segments[0].size' is not a number")]
    [InlineData("\"size\": \"0x10000\"", "\"size\": \"10000\"", "'segments[0].size' is not a number")]
    [InlineData("\"size\": \"0x10000\"", "\"length\": \"0x10000\"", "'segments[0].size' is missing")]
    [InlineData("\"gpa\": \"0x0\"", "\"gpa\": \"0xfffffffffffff000\"", "beyond the last physical address")]
    [InlineData("\"offset\": \"0x0\"", "\"offset\": \"0xffffffffffffffff\"", "beyond any file")]
    [InlineData("\"offset\": \"0x0\" }", "\"offset\": \"0x0\" }, { \"gpa\": \"0x8000\", \"size\": \"0x1000\", \"offset\": \"0x10000\" }", "overlap")]
    [InlineData("\"offset\": \"0x0\" }", "\"offset\": \"0x0\" }, { \"gpa\": \"0x80000\", \"size\": \"0x1000\", \"offset\": \"0x8000\" }", "overlap")]
    [InlineData("{ \"gpa\": \"0x0\", \"size\": \"0x10000\", \"offset\": \"0x0\" }", "", "'segments' is empty")]
    [InlineData("{ \"gpa\": \"0x0\", \"size\": \"0x10000\", \"offset\": \"0x0\" }", "7", "'segments[0]' is not an object")]
    [InlineData("\"segments\":", "\"sections\":", "'segments' is missing")]
    [InlineData("\"CR3\": \"0x1000\", ", "", "'registers.CR3' is missing")]
    [InlineData("\"CR3\": \"0x1000\"", "\"CR3\": \"0x\"", "'registers.CR3' is not a number")]
    [InlineData("\"CR3\": \"0x1000\"", "\"CR3\": \"0x11112222333344445\"", "'registers.CR3' is not a number")]
    [InlineData("\"CR3\": \"0x1000\"", "\"CR3\": \"0x100000000\"", "CR3 has reserved bits")]
    [InlineData("\"CR0\": \"0x80010001\"", "\"CR0\": \"0x80010000\"", "CR0.PG without CR0.PE")]
    [InlineData("\"CR4\": \"0x10\"", "\"CR4\": \"0x8000000000000010\"", "CR4 has bits")]
    [InlineData("\"CR4\": \"0x10\"", "\"CR4\": \"0x30\"", "'paging_mode' says TwoLevel")]
    [InlineData("\"cpl\": 3", "\"cpl\": 4", "'cpl' needs more than 2 bits")]
    [InlineData("\"selector\": \"0x1b\"", "\"selector\": \"0x1001b\"", "'segments_regs.CS.selector' needs more than 16 bits")]
    [InlineData("\"pids\": [8]", "\"pids\": [\"8\"]", "'spaces[0].pids[0]' is not a whole number")]
    [InlineData("\"pids\": [8]", "\"pids\": 8", "'spaces[0].pids' is not an array")]
    [InlineData("\"comm\": [\"idle\"]", "\"comm\": [1]", "'spaces[0].comm[0]' is not a text")]
    [InlineData("\"case\": \"made-up\"", "\"case\": 5", "'case' is not a text")]
    public void Description_WithAWrongField_IsRefused(string old, string text, string reason)
    {
        using GuestFolder folder = new GuestFolder().With(old, text);
        AssertRefused(folder, "meta.json", reason);
    }

    [Fact]
    public void Memory_Missing_IsRefused()
    {
        using var folder = new GuestFolder();
        folder.Delete("memory.raw");
        AssertRefused(folder, "memory.raw", "no such file");
    }

    [Fact]
    public void Memory_ShorterThanClaimed_IsRefused()
    {
        using var folder = new GuestFolder();
        File.WriteAllBytes(folder.FileAt("memory.raw"), folder.Memory[..^1]);
        AssertRefused(folder, "memory.raw", "65536 bytes are needed, it has 65535");
    }

    [Theory]
    [InlineData("0x1000000000", "a gzip file of")]
    [InlineData("0xffffffffff000", "a gzip file of")]
    [InlineData("0x20000", "it ends after 65536")]
    public void Memory_GzipShorterThanClaimed_IsRefused(string claimed, string reason)
    {
        using GuestFolder folder = new GuestFolder().With("0x10000", claimed);
        folder.Delete("memory.raw");
        folder.Memory.AsSpan(0x8000).Fill(1);
        new Random(1).NextBytes(folder.Memory.AsSpan(0xf000));
        folder.WriteGzip("memory.raw.gz", folder.Memory);
        AssertRefused(folder, "memory.raw.gz", reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(300)]
    [InlineData(-9)]
    [InlineData(-4)]
    [InlineData(-1)]
    public void Memory_GzipCut_IsRefused(int keep)
    {
        using var folder = new GuestFolder();
        folder.Delete("memory.raw");
        folder.WriteGzip("memory.raw.gz", folder.Memory);
        byte[] whole = File.ReadAllBytes(folder.FileAt("memory.raw.gz"));
        File.WriteAllBytes(folder.FileAt("memory.raw.gz"), keep < 0 ? whole[..^-keep] : whole[..Math.Min(keep, whole.Length)]);
        AssertRefused(folder, "memory.raw.gz", "");
    }

    [Fact]
    public void Memory_GzipDamaged_IsRefused()
    {
        using var folder = new GuestFolder();
        folder.Delete("memory.raw");
        folder.WriteGzip("memory.raw.gz", folder.Memory);
        byte[] whole = File.ReadAllBytes(folder.FileAt("memory.raw.gz"));
        whole[^6] ^= 1;
        File.WriteAllBytes(folder.FileAt("memory.raw.gz"), whole);
        AssertRefused(folder, "memory.raw.gz", "damaged");
    }

    [Fact]
    public void Memory_GzipWithoutItsSuffix_IsRead()
    {
        using var folder = new GuestFolder();
        folder.WriteGzip("memory.raw", folder.Memory);
        Assert.Equal(0, ToolRun.Of("verify", "image", folder.Path).Code);
    }

    [Fact]
    public void Memory_SegmentsInAnyOrderWithGaps_IsRead()
    {
        using GuestFolder folder = new GuestFolder().With(
            "{ \"gpa\": \"0x0\", \"size\": \"0x10000\", \"offset\": \"0x0\" }",
            "{ \"gpa\": \"0x1000\", \"size\": 8192, \"offset\": \"0x11000\" }, { \"gpa\": \"0x100000000\", \"size\": \"0x800\", \"offset\": 0 }");
        byte[] file = new byte[0x13000];
        folder.Memory.AsSpan(0x1000, 0x2000).CopyTo(file.AsSpan(0x11000));
        File.WriteAllBytes(folder.FileAt("memory.raw"), file);
        folder.Write("spaces/queries.tsv", "cr3\tvaddr\texpected\n0x1000\t0x401234\t0x5234\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    [Theory]
    [InlineData("queries.tsv", "vaddr\n", 1, "column 'expected' is missing")]
    [InlineData("queries.tsv", "vaddr\texpected\n0x1000\n", 2, "fields")]
    [InlineData("queries.tsv", "vaddr\texpected\n1000\tfault\n", 2, "begins with 0x")]
    [InlineData("queries.tsv", "vaddr\texpected\n0x1000\tmaybe\n", 2, "begins with 0x")]
    [InlineData("queries.tsv", "vaddr\texpected\n0x11112222333344445\tfault\n", 2, "64 bits")]
    [InlineData("queries.tsv", "vaddr\texpected\n0x1000\tfau", 2, "no end of line")]
    [InlineData("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0x401000\t0x5000\t---DA--UW\t0x1001\n", 2, "no size of a page")]
    [InlineData("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0x401000\t0x5000\t---DA--U\t0x1000\n", 2, "9 letters")]
    [InlineData("pagemap.tsv", "pid\tvaddr\tentry\tpaddr\n-7\t0x401000\t0x0\tswapped\n", 2, "decimal")]
    [InlineData("pagemap.tsv", "pid\tvaddr\tentry\tpaddr\n99999999999999999999\t0x401000\t0x0\tswapped\n", 2, "not between")]
    public void Answers_OfAnotherFormat_AreRefusedByLine(string name, string text, int line, string reason)
    {
        using var folder = new GuestFolder();
        folder.Write(name, text);
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"fastmmu: {folder.Place(name, line)}: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(reason, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_GzipCut_AreRefused()
    {
        using var folder = new GuestFolder();
        byte[] text = Encoding.ASCII.GetBytes("vaddr\texpected\n" + string.Concat(Enumerable.Range(0, 500).Select(i => $"0x{i * 0x1000:x}\tfault\n")));
        folder.Delete("queries.tsv");
        folder.WriteGzip("queries.tsv.gz", text, keep: 400);
        AssertRefused(folder, "queries.tsv.gz", "gzip");
    }

    [Fact]
    public void Answers_None_AreRefused()
    {
        using var folder = new GuestFolder();
        foreach (string name in new[] { "queries.tsv", "mappings.tsv", "spaces/queries.tsv", "pagemap.tsv" }) folder.Delete(name);
        AssertRefused(folder, "", "no recorded answers");
    }
}
