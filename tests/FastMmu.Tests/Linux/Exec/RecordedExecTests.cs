using FastMmu.Cli;
using FastMmu.Cli.Commands;
using FastMmu.Cli.ExecRecords;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>execve against recorded answers of a kernel: result, registers, areas, counters, auxiliary vector, stack and page contents.</summary>
public sealed class RecordedExecTests
{
    // 32-bit programs are among them.
    [Theory]
    [InlineData("x86_64")]
    [InlineData("user")]
    public void EveryRecordedExecveComesOutAsItDidOnTheKernel(string kernel)
    {
        ExecReport report = ExecReplay.Verify(RepositoryRoot.Data("exec"), kernel: KernelOption.KindOf(kernel));
        Assert.Equal(96, report.Checked);
        Assert.True(report.Outcomes["ok"] > 60 && report.Outcomes["killed:SIGSEGV"] > 2, "the records have successes and failures");
        Assert.Empty(report.Mismatches.Select(m => $"{m.Name}: {string.Join("; ", m.Differences)}"));
    }

    [Fact]
    public void Verify_ARecordThatWasChanged_SaysWhatDiffers()
    {
        using var folder = new ChangedRecords(text => text.Replace("\"start_brk\":\"0x401000\"", "\"start_brk\":\"0x402000\"", StringComparison.Ordinal)
            .Replace("\"result\":\"-ELOOP\"", "\"result\":\"-ENOENT\"", StringComparison.Ordinal));
        ExecReport report = ExecReplay.Verify(folder.Path);
        string[] differences = [.. report.Mismatches.SelectMany(m => m.Differences)];
        Assert.Contains("start_brk: expected 402000, actual 401000", differences);
        Assert.Contains("result: expected -ENOENT, actual -ELOOP", differences);
    }

    [Theory]
    [InlineData("\"t\":\"exec\"", "\"t\":5")]
    [InlineData("\"uid\":65534", "\"uid\":\"nobody\"")]
    [InlineData("\"start_brk\":\"0x", "\"start_brk\":\"")]
    [InlineData("\"len\":131072", "\"len\":131072000000")]
    [InlineData("\"regs\"", "\"registers\"")]
    [InlineData("{\"name\"", "[\"name\"")]
    public void Verify_ARecordThatIsNone_IsRefusedInOneLine(string text, string instead)
    {
        using var folder = new ChangedRecords(all => all.Replace(text, instead, StringComparison.Ordinal));
        InputException refused = Assert.Throws<InputException>(() => ExecReplay.Verify(folder.Path));
        Assert.Contains("exec.jsonl.gz:", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_AFolderWithoutRecords_IsRefused()
    {
        Assert.Throws<InputException>(() => ExecReplay.Verify(RepositoryRoot.Data("no-such-folder")));
        Assert.Throws<InputException>(() => ExecReplay.Verify(RepositoryRoot.Data("x86")));
    }
}
