using System.Text.Json.Nodes;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Memory;
using Xunit;

namespace FastMmu.Tests.Linux.Traces;

/// <summary>The judge can say no: each recorded field, changed in a trace that agrees, is a mismatch that names it.</summary>
public sealed class TraceJudgeTests
{
    [Theory]
    [InlineData(0, "0x10001000")]
    [InlineData(1, "0x10005000")]
    [InlineData(2, "rwxp")]
    [InlineData(3, "0x1000")]
    [InlineData(4, "[heap]")]
    [InlineData(5, "rd wr mr mw me")]
    [InlineData(6, 7)]
    [InlineData(7, 7)]
    public void Judge_FieldOfAnAreaChanged_IsReported(int field, object value)
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-populate");
        JsonArray area = trace.First("mmap", "d")["d"]![2]![0]!.AsArray();
        Assert.Empty(trace.Judge());
        area[field] = value is int number ? number : (string)value;
        Assert.Contains(trace.Judge(), d => d.StartsWith("- expected", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "VmPeak")]
    [InlineData(1, "VmSize")]
    [InlineData(2, "VmLck")]
    [InlineData(3, "VmPin")]
    [InlineData(4, "VmData")]
    [InlineData(5, "VmStk")]
    [InlineData(6, "VmExe")]
    [InlineData(7, "VmLib")]
    [InlineData(8, "VmPTE")]
    [InlineData(9, "RssAnon")]
    [InlineData(10, "RssFile")]
    [InlineData(11, "RssShmem")]
    public void Judge_CounterChanged_IsReported(int counter, string name)
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-populate");
        JsonArray counters = trace.First("mmap", "m")["m"]!.AsArray();
        counters[counter] = (int)counters[counter]! + 4;
        Assert.Contains(trace.Judge(), d => d.StartsWith(name + ": ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("directed-populate", "mmap", "r", "0x10001000", "result")]
    [InlineData("directed-populate", "mmap", "r", "-ENOMEM", "result")]
    [InlineData("directed-faults", "touch", "v", 1, "byte read")]
    [InlineData("directed-faults", "touch", "code", 3, "result")]
    [InlineData("directed-faults", "touch", "fa", "0x1", "result")]
    [InlineData("directed-msync-mincore", "mincore", "vec", "0000", "page 0")]
    public void Judge_AnswerChanged_IsReported(string id, string call, string field, object value, string what)
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", id);
        trace.First(call, field)[field] = value is int number ? number : (string)value;
        Assert.Contains(trace.Judge(), d => d.StartsWith(what + ": ", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_PagemapChanged_IsReported()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-faults");
        trace.First("pagemap")["pm"]![1] = 9;
        Assert.Contains(trace.Judge(), d => d.StartsWith("page 1: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_ChildOfAForkChanged_IsReported()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-fork-basic");
        trace.First("fork")["child"]!["m"]![9] = 400;
        Assert.Contains(trace.Judge(), d => d.StartsWith("p1: RssAnon: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_SideEffectLeftOut_IsReported()
    {
        using TraceText trace = TraceText.Of("level5.jsonl.gz", "dev-L5-0000");
        JsonObject line = trace.Lines.First(l => l.ContainsKey("x3"));
        Assert.Empty(trace.Judge());
        line.Remove("x3");
        Assert.Contains(trace.Judge(), d => d.StartsWith("p3: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_ChangeRecordedWhereNothingChanges_IsReported()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        JsonObject refused = trace.Lines.First(l => l.ContainsKey("op") && !l.ContainsKey("d") && !l.ContainsKey("m"));
        JsonNode area = trace.Lines[0]["vmas"]![0]!.DeepClone();
        Assert.Empty(trace.Judge());
        area[2] = "rwxp";
        refused["d"] = new JsonArray(0, 1, new JsonArray(area));
        Assert.Contains(trace.Judge(), d => d.StartsWith("- expected", StringComparison.Ordinal));
    }

    [Fact]
    public void WarmUp_ItsOwnTrace_Agrees()
    {
        using PhysicalMemory memory = ReplayMachine.CreateMemory();
        ReplayReport report = ReplayWarmUp.ReplayShortTrace(memory, new ReplayOptions());
        Assert.Equal((3L, 0L), (report.Checked, report.Mismatched));
    }

    [Fact]
    public void Judge_FinalBreakChanged_IsReported()
    {
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-brk-hole");
        trace.Lines[^1]["final"]![0]!["brk"] = "0x40a000";
        Assert.Contains(trace.Judge(), d => d.StartsWith("p0: brk: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(8, (int)SkippedComparisons.TableBytes)]
    [InlineData(0, (int)SkippedComparisons.Peak)]
    [InlineData(11, (int)SkippedComparisons.FaultAround)]
    public void Skip_CounterChanged_IsAcceptedAndCounted(int counter, int skip)
    {
        var skipped = (SkippedComparisons)skip;
        using TraceText trace = TraceText.Of("directed.jsonl.gz", "directed-populate");
        foreach (JsonObject line in trace.Lines.Where(l => l.ContainsKey("m")).Take(3)) line["m"]![counter] = 4000 + (int)line["m"]![counter]!;
        trace.Write();
        ReplayReport report = TraceReplay.Verify(trace.File, new ReplayOptions { Skipped = skipped });
        Assert.Equal(0, report.Mismatched);
        Assert.True(report.Skipped[skipped] > 0);
        Assert.NotEqual(0, TraceReplay.Verify(trace.File, new ReplayOptions()).Mismatched);
    }
}
