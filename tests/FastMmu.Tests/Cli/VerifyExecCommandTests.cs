using System.Text.Json;
using FastMmu.Tests.Linux.Exec;
using Xunit;

namespace FastMmu.Tests.Cli;

public sealed class VerifyExecCommandTests
{
    private static readonly string Folder = RepositoryRoot.Data("exec");

    [Fact]
    public void Verify_OfTheRecords_CountsThemAll()
    {
        ToolRun run = ToolRun.Of("verify", "exec", Folder);
        Assert.Equal((0, "", "96 checked, 0 mismatched"), (run.Code, run.Error, run.LastLine));
        Assert.Equal("1 checked, 0 mismatched", ToolRun.Of("verify", "exec", Folder, "--case", "script-self").LastLine);
    }

    [Fact]
    public void Verify_OfAChangedRecord_ShowsTheDifferenceAndEndsWith1()
    {
        using var folder = new ChangedRecords(text => text.Replace("\"VmStk\":132", "\"VmStk\":136", StringComparison.Ordinal));
        ToolRun run = ToolRun.Of("verify", "exec", folder.Path, "--limit", "2");
        Assert.Equal((1, ""), (run.Code, run.Error));
        Assert.Contains("VmStk: expected 136, actual 132", run.Output, StringComparison.Ordinal);
        Assert.Contains(" more\n", run.Output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(ToolRun.Of("verify", "exec", "--json", folder.Path).Output);
        Assert.Equal(96, json.RootElement.GetProperty("checked").GetInt32());
        Assert.InRange(json.RootElement.GetProperty("mismatched").GetInt32(), 50, 95);
    }

    [Theory]
    [InlineData("verify", "exec", "no-such-folder")]
    [InlineData("verify", "exec")]
    [InlineData("verify", "exec", "--limit", "-1", ".")]
    public void Verify_OfWhatCannotBeUsed_IsOneLineAndCode2(params string[] args)
    {
        ToolRun run = ToolRun.Of(args);
        Assert.Equal((2, 1), (run.Code, run.Error.Count(c => c == '\n')));
    }

    [Fact]
    public void Verify_OfNoCase_IsRefused() => Assert.Equal(2, ToolRun.Of("verify", "exec", Folder, "--case", "no such case").Code);
}
