using System.Text.Json;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Cli;

public sealed class VerifyVectorsCommandTests
{
    private static readonly string Disputed = RepositoryRoot.Data("x86", "disputed.tsv.gz");
    private static readonly string PagePairs = RepositoryRoot.Data("x86", "hwpf.tsv.gz");

    [Fact]
    public void Vectors_AllAgree_SaysSoAndExitsWith0()
    {
        ToolRun run = ToolRun.Of("verify", "vectors", Disputed, PagePairs);
        Assert.Equal((0, "10293 checked, 0 mismatched", ""), (run.Code, run.LastLine, run.Error));
        Assert.Contains("PAE disputed", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Vectors_SomeDisagree_ShowsTheFirstAndExitsWith1()
    {
        RecordedRows row = RecordedRows.First("hwpf.tsv.gz", "kind=W result=14 errcode=7").With("errcode=5");
        string[] lines = row.ToString().TrimEnd('\n').Split('\n');
        using var file = new TemporaryFile(lines[0] + "\n" + string.Concat(Enumerable.Repeat(lines[1] + "\n", 5)));
        ToolRun run = ToolRun.Of("verify", "vectors", "--limit", "2", file.Path);
        Assert.Equal((1, "5 checked, 5 mismatched"), (run.Code, run.LastLine));
        Assert.Equal(2, run.Output.Split("errcode: expected 5, actual 7").Length - 1);
        Assert.Contains($"{file.Path}:2: row {row["id"]}", run.Output, StringComparison.Ordinal);
        Assert.Contains("and 3 more", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Vectors_QuirkNamed_IsApplied()
    {
        RecordedRows row = RecordedRows.First("paging-2level.tsv.gz", "kind=M cpl=0 errcode=3").WithAfter(2, e => e | 0x20).WithAfter(1, e => e | 0x20);
        using var file = new TemporaryFile(row.ToString());
        Assert.Equal(1, ToolRun.Of("verify", "vectors", file.Path).Code);
        Assert.Equal(0, ToolRun.Of("verify", "vectors", "--quirk", "rmw-accessed", file.Path).Code);
        Assert.Equal(0, ToolRun.Of("verify", "vectors", "--quirk", "wrap-4g", "--quirk", "rmw-accessed", file.Path).Code);
    }

    [Fact]
    public void Vectors_Json_IsOneValueWithTheSameCounts()
    {
        ToolRun run = ToolRun.Of("verify", "vectors", "--json", Disputed);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(293, json.RootElement.GetProperty("checked").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("mismatched").GetInt32());
        Assert.Equal(293, json.RootElement.GetProperty("files")[0].GetProperty("counts").EnumerateArray().Sum(c => c.GetProperty("checked").GetInt32()));
    }

    [Fact]
    public void Vectors_FileCut_IsOneLineAndExitsWith2()
    {
        byte[] whole = File.ReadAllBytes(PagePairs);
        using var cut = new TemporaryFile(whole[..(whole.Length / 2)]);
        ToolRun run = ToolRun.Of("verify", "vectors", cut.Path);
        Assert.Equal(2, run.Code);
        Assert.Matches($"^fastmmu: {cut.Path}:[0-9]+: [^\n]*gzip[^\n]*\n$", run.Error);
    }

    [Fact]
    public void Vectors_SecondFileMissing_StillReportsTheFirst()
    {
        ToolRun run = ToolRun.Of("verify", "vectors", Disputed, "/nowhere/at/all");
        Assert.Equal((2, "fastmmu: /nowhere/at/all: no such file\n"), (run.Code, run.Error));
        Assert.Contains("disputed.tsv.gz: paging rows", run.Output, StringComparison.Ordinal);
        Assert.DoesNotMatch("^[0-9]+ checked", run.LastLine);
    }

    [Theory]
    [InlineData]
    [InlineData("bogus")]
    [InlineData("verify")]
    [InlineData("verify", "vectors")]
    [InlineData("verify", "vectors", "--limit", "-1", "x")]
    [InlineData("verify", "vectors", "--limit", "many", "x")]
    [InlineData("verify", "vectors", "--quirk", "bogus", "x")]
    [InlineData("verify", "vectors", "--bogus", "x")]
    public void Tool_UsedWrongly_IsOneLineAndExitsWith2(params string[] args)
    {
        ToolRun run = ToolRun.Of(args);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Matches("^fastmmu: [^\n]+ Try 'fastmmu[^\n]* --help'.\n$", run.Error);
    }

    [Theory]
    [InlineData("--help", "fastmmu [command]")]
    [InlineData("verify --help", "vectors <FILE>")]
    [InlineData("verify vectors --help", "rmw-accessed")]
    public void Help_OfAnyCommand_ExitsWith0(string args, string text)
    {
        ToolRun run = ToolRun.Of(args.Split(' '));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains(text, run.Output, StringComparison.Ordinal);
    }
}
