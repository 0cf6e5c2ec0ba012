using System.Text.Json;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

public sealed class VerifyImageCommandTests
{
    [Theory]
    [InlineData("queries.tsv", "0x5234", "0x6234", 2, "0x401234: expected 0x6234, got 0x5234")]
    [InlineData("queries.tsv", "fault", "0x60000", 3, "0x403000: expected 0x60000, got #PF")]
    [InlineData("queries.tsv", "0x401000", "fault", 4, "0x801000: expected a fault, got 0x401000")]
    [InlineData("mappings.tsv", "0x401000\t0x5000", "0x401000\t0x6000", 2, "0x401000: expected 0x6000 ---DA--UW 0x1000, got 0x5000 ---DA--UW 0x1000")]
    [InlineData("mappings.tsv", "---DA--UW", "---D---UW", 2, "got 0x5000 ---DA--UW")]
    [InlineData("mappings.tsv", "0x401000\t0x5000", "0x402000\t0x5000", 2, "0x402000: expected 0x5000 ---DA--UW 0x1000, got #PF")]
    [InlineData("mappings.tsv", "--PDA---W\t0x400000", "--PDA---W\t0x200000", 3, "got 0x400000 --PDA---W 0x400000")]
    [InlineData("spaces/queries.tsv", "0x3000\t0x401234\tfault", "0x3000\t0x401234\t0x5234", 3, "0x401234 with CR3 0x3000: expected 0x5234, got #PF")]
    [InlineData("pagemap.tsv", "0x8000000000000005\t0x5000", "0x8000000000000006\t0x6000", 2, "0x401000 of process 7 with CR3 0x1000: expected 0x6000, got 0x5000")]
    [InlineData("pagemap.tsv", "0x5000", "swapped", 2, "expected a fault, for the page is swapped out, got 0x5000")]
    [InlineData("pagemap.tsv", "swapped", "0x77000", 3, "expected 0x77000, got #PF")]
    [InlineData("pagemap.tsv", "0x60000", "0x61000", 4, "expected 0x61000, got #PF")]
    public void Answer_Changed_IsReportedAsMismatch(string name, string old, string text, int line, string report)
    {
        using var folder = new GuestFolder();
        string content = File.ReadAllText(folder.FileAt(name));
        folder.Write(name, ReplaceFirst(content, old, text));
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal(1, run.Code);
        Assert.Matches("^[0-9]+ checked, [12] mismatched$", run.LastLine);
        Assert.Contains(folder.Place(name, line) + ": ", run.Output, StringComparison.Ordinal);
        Assert.Contains(report, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Mapping_NotRecorded_IsAMismatch()
    {
        using var folder = new GuestFolder();
        folder.Write("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0x800000\t0x400000\t--PDA---W\t0x400000\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((1, "10 checked, 1 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("mappings.tsv: 0x401000: expected no mapping, for none is recorded, got 0x5000 ---DA--UW 0x1000", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Mappings_NoneRecorded_EveryPageIsAMismatch()
    {
        using var folder = new GuestFolder();
        folder.Write("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n");
        Assert.EndsWith(" 2 mismatched", ToolRun.Of("verify", "image", folder.Path).LastLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Mappings_OutOfOrder_AreCheckedByTheWalkerAndSaid()
    {
        using var folder = new GuestFolder();
        folder.Write("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0x800000\t0x400000\t--PDA---W\t0x400000\n0x800000\t0x400000\t--PDA---W\t0x400000\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Contains("not in the order of addresses: the running address space was not searched", run.Output, StringComparison.Ordinal);
        // The page in front of the first row was met before the order broke.
        Assert.Equal((1, "11 checked, 1 mismatched"), (run.Code, run.LastLine));
    }

    [Fact]
    public void Mappings_OfSpacesInTurns_AreCheckedAndSaid()
    {
        using var folder = new GuestFolder();
        const string rows = "0x1000\t0x401000\t0x5000\t---DA--UW\t0x1000\n0x1000\t0x800000\t0x400000\t--PDA---W\t0x400000\n";
        folder.Write("spaces/mappings.tsv", "cr3\tvaddr\tpaddr\tflags\tpage_size\n" + rows + "0x3000\t0x401000\t0x5000\t---DA--UW\t0x1000\n" + rows);
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((1, "15 checked, 1 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("CR3 0x1000 comes again", run.Output, StringComparison.Ordinal);
        Assert.Contains("0x401000 with CR3 0x3000: expected 0x5000 ---DA--UW 0x1000, got #PF(0)", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Mappings_OfTablesThatMapThemselves_AreNotSearchedForEver()
    {
        using GuestFolder folder = new GuestFolder()
            .With("\"paging_mode\": \"2level\"", "\"paging_mode\": \"la48\"").With("\"CR4\": \"0x10\"", "\"CR4\": \"0x20\", \"EFER\": \"0xd00\"");
        for (int i = 0; i < 512; i++) BitConverter.TryWriteBytes(folder.Memory.AsSpan(0x1000 + (8 * i)), 0x1067UL);
        folder.Save();
        foreach (string name in new[] { "queries.tsv", "spaces/queries.tsv", "pagemap.tsv" }) folder.Delete(name);
        folder.Write("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0xffffffffffffe000\t0x1000\t---DA--UW\t0x1000\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((1, "100001 checked, 100000 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("maps at least 100000 pages that are not recorded", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_WithoutAddressSpace_IsSaid()
    {
        using var folder = new GuestFolder();
        folder.Write("pagemap.tsv", "pid\tvaddr\tentry\tpaddr\n9\t0x401000\t0x8000000000000005\t0x5000\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((0, "7 checked, 0 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("1 rows of process 9 not checked", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AddressSpace_NoProcessorTakes_IsAMismatchAndNoCrash()
    {
        using var folder = new GuestFolder();
        folder.Write("spaces/queries.tsv", "cr3\tvaddr\texpected\n0xfffffffffffff000\t0x0\tfault\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path);
        Assert.Equal((1, "9 checked, 1 mismatched"), (run.Code, run.LastLine));
        Assert.Contains("CR3 has reserved bits", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Limit_OfMismatchesShown_IsKept()
    {
        using var folder = new GuestFolder();
        folder.Write("queries.tsv", "vaddr\texpected\n" + string.Concat(Enumerable.Repeat("0x401234\tfault\n", 30)));
        ToolRun run = ToolRun.Of("verify", "image", "--limit", "3", folder.Path);
        Assert.Equal((1, "37 checked, 30 mismatched"), (run.Code, run.LastLine));
        Assert.Equal(3, run.Output.Split("expected a fault, got").Length - 1);
        Assert.Contains("and 27 more", run.Output, StringComparison.Ordinal);
        Assert.Equal(2, ToolRun.Of("verify", "image", "--limit", "-1", folder.Path).Code);
    }

    [Fact]
    public void Json_IsOneValueWithTheSameCounts()
    {
        using var folder = new GuestFolder();
        ToolRun run = ToolRun.Of("verify", "image", "--json", folder.Path, folder.Path);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(0, run.Code);
        Assert.Equal(20, json.RootElement.GetProperty("checked").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("mismatched").GetInt32());
        JsonElement answers = json.RootElement.GetProperty("guests")[1].GetProperty("answers");
        Assert.Equal(10, answers.EnumerateArray().Sum(a => a.GetProperty("checked").GetInt32()));
    }

    [Fact]
    public void Text_Piped_HasNoEscapeCodes()
    {
        using GuestFolder folder = new GuestFolder().With("\"running_pid\": 7", "\"running_pid\": 6");
        folder.Write("queries.tsv", "vaddr\texpected\n0x401234\tfault\n");
        ToolRun run = ToolRun.Of("verify", "image", folder.Path, folder.Path);
        Assert.DoesNotContain('\e', run.Output);
        Assert.DoesNotContain('\r', run.Output);
        Assert.Contains("by paging mode", run.Output, StringComparison.Ordinal);
    }

    private static string ReplaceFirst(string content, string old, string text)
    {
        int at = content.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0);
        return content[..at] + text + content[(at + old.Length)..];
    }
}
