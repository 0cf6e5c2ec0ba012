using System.Text.Json;
using FastMmu.Tests.Linux.Traces;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Cli;

/// <summary><c>fastmmu verify mm</c>: exit codes, counts and refusals.</summary>
public sealed class VerifyMmCommandTests
{
    private static readonly string Directed = RepositoryRoot.Data("mm", "directed.jsonl.gz");

    [Fact]
    public void Verify_FileThatAgrees_CountsEveryLine()
    {
        ToolRun run = ToolRun.Of("verify", "mm", Directed);
        Assert.Equal(0, run.Code);
        Assert.Equal("1038 checked, 0 mismatched", run.LastLine);
    }

    [Theory]
    [InlineData("x86_64")]
    [InlineData("user")]
    public void Verify_WithAKernel_AgreesAsWithout(string kernel) =>
        Assert.Equal("1038 checked, 0 mismatched", ToolRun.Of("verify", "mm", Directed, "--kernel", kernel).LastLine);

    [Fact]
    public void Script_WithoutTablesInTheGuest_PrintsTheSame()
    {
        ToolRun with = ToolRun.Of("mm", Directed, "--scenario", "brk-hole", "--kernel", "x86_64"), without = ToolRun.Of("mm", Directed, "--scenario", "brk-hole", "--kernel", "user");
        Assert.Equal((0, with.Output), (without.Code, without.Output));
    }

    [Fact]
    public void Verify_Mismatch_ShowsBeforeAndAfter()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.First("munmap")["d"]![2]![0]![1] = "0x413000";
        trace.Write();
        ToolRun run = ToolRun.Of("verify", "mm", trace.File);
        Assert.Equal(1, run.Code);
        Assert.EndsWith(" mismatched", run.LastLine, StringComparison.Ordinal);
        Assert.DoesNotContain(", 0 mismatched", run.LastLine, StringComparison.Ordinal);
        Assert.Contains("trace.jsonl:3: directed-brk-hole: munmap(0x412000, 0x2000)", run.Output, StringComparison.Ordinal);
        Assert.Contains("    before   40a000-414000", run.Output, StringComparison.Ordinal);
        Assert.Contains("    - expected 40a000-413000", run.Output, StringComparison.Ordinal);
        Assert.Contains("    + actual   40a000-412000", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_ByNameAndLevel_TakesOnlyThose()
    {
        Assert.Equal("17 checked, 0 mismatched", ToolRun.Of("verify", "mm", Directed, "--id", "brk-hole", "--level", "7").LastLine);
        ToolRun none = ToolRun.Of("verify", "mm", Directed, "--level", "3");
        Assert.Equal(2, none.Code);
        Assert.Contains("no trace has the level and name", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_Json_HoldsTheCounts()
    {
        using var json = JsonDocument.Parse(ToolRun.Of("verify", "mm", Directed, "--json", "--skip", "vmpte").Output);
        Assert.Equal(1038, json.RootElement.GetProperty("checked").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("skipped").GetProperty("vmpte").GetInt32());
        Assert.Equal(948, json.RootElement.GetProperty("files")[0].GetProperty("calls").GetInt32());
    }

    [Fact]
    public void Verify_Skip_SaysWhatItSkipped()
    {
        ToolRun run = ToolRun.Of("verify", "mm", Directed, "--skip", "fault-around", "--skip", "vmpeak");
        Assert.Contains("skipped fault-around: how many pages of files are resident; 0 lines differ in it\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("skipped vmpeak: ", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("skipped vmpte", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"op\":\"brk\"", "\"op\":\"frob\"", "unknown call 'frob'")]
    [InlineData("\"a\":[\"0x414000\"]", "\"a\":[]", "brk takes 1 arguments, not 0")]
    [InlineData("\"a\":[\"0x414000\"]", "\"a\":[\"0xzz\"]", "is no number")]
    [InlineData("\"r\":\"0x414000\"", "\"r\":\"maybe\"", "'maybe' is no result")]
    [InlineData("\"p\":0,\"op\":\"brk\"", "\"p\":5,\"op\":\"brk\"", "process 5 is not there")]
    [InlineData("\"d\":[5,0,", "\"d\":[5,9,", "'d' replaces areas that the list has not")]
    [InlineData("\"rw-p\",\"0x0\",\"[heap]\"", "\"rw-q\",\"0x0\",\"[heap]\"", "are no permissions")]
    [InlineData("rd wr mr mw me ac\",0,0]]],\"m\"", "rd wr zz\",0,0]]],\"m\"", "are no VmFlags")]
    [InlineData("\"m\":[240,240,", "\"m\":[240,", "11 counters where there should be 12")]
    [InlineData("{\"t\":\"op\",\"i\":0", "{\"t\":\"op\",\"i\":0,", "not a line of a trace")]
    public void Verify_DamagedCall_IsNamedWithItsLine(string part, string damaged, string reason)
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        string[] lines = [.. trace.Lines.Select(l => l.ToJsonString(JsonSerializerOptions.Web))];
        Assert.Contains(part, lines[1], StringComparison.Ordinal);
        lines[1] = lines[1].Replace(part, damaged, StringComparison.Ordinal);
        trace.WriteText(string.Join('\n', lines) + "\n");
        Refuses(trace.File, 2, reason);
    }

    [Theory]
    [InlineData("rlimits", "'rlimits' is missing")]
    [InlineData("mkeys", "'mkeys' is missing")]
    [InlineData("stack_hex", "'stack_hex' is missing")]
    public void Verify_DamagedHeader_IsNamedWithItsLine(string field, string reason)
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.Lines[0].Remove(field);
        trace.Write();
        Refuses(trace.File, 1, reason);
    }

    [Fact]
    public void Verify_HeaderWithImpossibleAreas_IsRefused()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.Lines[0]["vmas"]![1]![0] = "0x400000";
        trace.Write();
        Refuses(trace.File, 1, "");
    }

    [Fact]
    public void Verify_TraceWithoutEnd_IsRefused()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.Lines.RemoveAt(trace.Lines.Count - 1);
        trace.Write();
        Refuses(trace.File, 16, "the file ends before trace directed-brk-hole does");
    }

    [Fact]
    public void Verify_CallLeftOut_IsRefused()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.Lines.RemoveAt(trace.Lines.Count - 2);
        trace.Write();
        Refuses(trace.File, 16, "says it has 15 calls and has 14");
    }

    [Fact]
    public void Verify_CutGzip_IsRefused()
    {
        byte[] bytes = File.ReadAllBytes(Directed);
        using var file = new TemporaryFile(bytes[..(bytes.Length / 2)]);
        ToolRun run = ToolRun.Of("verify", "mm", file.Path);
        Assert.Equal(2, run.Code);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Verify_WithoutTheTracedProgram_IsRefused()
    {
        // A folder of its own: others may have left such a program beside their temporary files.
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fastmmu-");
        string trace = System.IO.Path.Combine(folder.FullName, "directed.jsonl.gz");
        File.Copy(Directed, trace);
        ToolRun run = ToolRun.Of("verify", "mm", trace);
        folder.Delete(recursive: true);
        Assert.Equal(2, run.Code);
        Assert.Contains("the traced program is not beside the traces", run.Error, StringComparison.Ordinal);
    }

    private static void Refuses(string path, int line, string reason)
    {
        ToolRun run = ToolRun.Of("verify", "mm", path);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"fastmmu: {path}:{line}: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(reason, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }
}
