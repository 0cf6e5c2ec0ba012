using FastMmu.Cli.MmTraces;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.MmTraces.Scripts;
using FastMmu.Tests.Cli;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Linux.Traces;

/// <summary>Scripts of calls: what their words mean, and what is refused.</summary>
public sealed class ScriptTests
{
    private static readonly string Scenarios = RepositoryRoot.Data("mm", "directed-scenarios.txt");

    [Fact]
    public void Scenarios_RunAsScripts_MakeTheRecordedCallsAndAnswers()
    {
        var recorded = new Dictionary<string, MmTrace>();
        using TraceReader reader = TraceReader.Open(RepositoryRoot.Data("mm", "directed.jsonl.gz"));
        while (reader.ReadNext() is { } trace) recorded.Add(trace.Header.Id, trace);

        IReadOnlyList<Scenario> scenarios = ScriptParser.Read(Scenarios);
        Assert.Equal(recorded.Count, scenarios.Count);
        foreach (Scenario scenario in scenarios)
        {
            MmTrace trace = recorded["directed-" + scenario.Name];
            using var runner = new ScriptRunner(scenario, Scenarios);
            Assert.Equal(trace.Header.Areas, runner.Areas);
            int at = 0;
            foreach (ScriptStep step in runner.Run())
            {
                TraceOp op = trace.Ops[at++];
                Assert.Equal($"{scenario.Name}: {CallText.Of(op)} = {op.Result}", $"{scenario.Name}: {CallText.Of(step.Op)} = {step.Answer.Result}");
            }

            Assert.Equal(trace.Ops.Count, at);
        }
    }

    [Theory]
    [InlineData("brk 0\nfrobnicate 1\n", 2, "unknown call 'frobnicate'")]
    [InlineData("brk\n", 1, "brk takes 1 arguments, not 0")]
    [InlineData("brk 0\n\nmmap 0 1p 3 34 -1\n", 3, "mmap takes 6 arguments, not 5")]
    [InlineData("munmap 0x12345678g 1p\n", 1, "'0x12345678g' is no number")]
    [InlineData("munmap $nowhere 1p\n", 1, "'$nowhere' is no name")]
    [InlineData("munmap $last 1p\n", 1, "$last: no mmap or mremap has succeeded yet")]
    [InlineData("brk 0\nmunmap $r7 1p\n", 2, "$r7: call 7 has no value yet")]
    [InlineData("@1 brk 0\n", 1, "there is no process 1")]
    [InlineData("exit\nbrk 0\n", 2, "there is no process 0")]
    [InlineData("@x brk 0\n", 1, "'@x' names no process")]
    [InlineData("scenario\nbrk 0\n", 1, "a scenario has a name")]
    [InlineData("scenario a 9\nbrk 0\n", 1, "layout 9 is not known")]
    [InlineData("w 0x1000\n", 1, "w takes 2 arguments, not 1")]
    [InlineData("{\"t\":\"op\",\"op\":\"brk\",\"a\":[]}\n", 1, "brk takes 1 arguments, not 0")]
    [InlineData("{\"t\":\"op\",\"op\":\"frob\",\"a\":[]}\n", 1, "unknown call 'frob'")]
    [InlineData("{\"t\":\"op\",\"op\":\"brk\",\"a\":[\n", 1, "not a line of a trace")]
    public void Run_LineThatCannotBeUsed_IsNamedWithExitCode2(string script, int line, string reason)
    {
        using var file = new TemporaryFile(script);
        ToolRun run = ToolRun.Of("mm", file.Path);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"fastmmu: {file.Path}:{line}: {reason}", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Run_EmptyScript_IsRefused()
    {
        using var file = new TemporaryFile("# nothing\n");
        ToolRun run = ToolRun.Of("mm", file.Path);
        Assert.Equal(2, run.Code);
        Assert.Contains("makes no call", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Script_OfBinaryData_IsRefusedInOneHarmlessLine()
    {
        using var file = new TemporaryFile("\u001b]0;title\u0007\u0001" + new string('x', 100_000) + " 1 2\n");
        ToolRun run = ToolRun.Of("mm", file.Path);
        Assert.Equal(2, run.Code);
        Assert.Contains(":1: unknown call '?]0;title??xxx", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(run.Error.TrimEnd('\n'), char.IsControl);
        Assert.InRange(run.Error.Length, 100, 1100);
    }

    [Fact]
    public void Run_Calls_ShowsWhatEachChanges()
    {
        using var file = new TemporaryFile("mmap 0 16p 3 34 -1 0\nw $last 1\nfork\n@1 w $r0 2\n@1 exit\nr $r0\n");
        ToolRun run = ToolRun.Of("mm", file.Path);
        Assert.Equal(0, run.Code);
        Assert.Contains("mmap 0 16p 3 34 -1 0 = 0x7ffff7fe7000\n  + 7ffff7fe7000-7ffff7ff7000 rw-p 0 - [rd wr mr mw me ac] rss 0 anon 0\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("fork = p1\n", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("r $r0 = ok (0x91)\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_RecordedTraceAsScript_MakesItsCalls()
    {
        ToolRun run = ToolRun.Of("mm", RepositoryRoot.Data("mm", "directed.jsonl.gz"), "--scenario", "brk-hole", "--json");
        Assert.Equal(0, run.Code);
        using var json = System.Text.Json.JsonDocument.Parse(run.Output);
        System.Text.Json.JsonElement calls = json.RootElement[0].GetProperty("calls");
        Assert.Equal(15, calls.GetArrayLength());
        Assert.Equal("0x414000", calls[0].GetProperty("result").GetString());
        Assert.Equal("[heap]", calls[0].GetProperty("changes")[0].GetProperty("added")[0].GetProperty("name").GetString());
        Assert.Equal(240, calls[0].GetProperty("changes")[0].GetProperty("counters").GetProperty("VmSize")[1].GetInt32());
    }
}
