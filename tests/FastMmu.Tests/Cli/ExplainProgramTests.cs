using System.Text.Json;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Cli;

/// <summary><c>fastmmu explain</c> about areas: of a program just executed, and of recorded processes.</summary>
public sealed class ExplainProgramTests
{
    private static readonly string Amd64 = RepositoryRoot.Data("images", "amd64-4l-ption");

    [Theory]
    // The sample program: code at 401000, data at 402000, zeros up to 502000, all of them untouched.
    [InlineData(0x401004, "401000-402000 r-xp /sample", "a page of /sample", "SIGSEGV, SEGV_ACCERR", "a page of /sample")]
    [InlineData(0x403000, "402000-406000 rw-p /sample", "a page of /sample", "a private copy of a page of /sample", "SIGSEGV, SEGV_ACCERR")]
    [InlineData(0x501234, "406000-502000 rw-p ", "demand zero: the page of zeros, read-only", "demand zero: a new page", "SIGSEGV, SEGV_ACCERR")]
    [InlineData(0x7fff_ffff_efff, "7ffffffde000-7ffffffff000 rw-p [stack]", "the page is there", "the page is there", "SIGSEGV, SEGV_ACCERR")]
    [InlineData(0x7fff_fffd_d000, "", "the stack grows down to 7ffffffdd000; demand zero: the page of zeros", "the stack grows down to 7ffffffdd000; demand zero: a new page", "SIGSEGV, SEGV_ACCERR")]
    [InlineData(0x7fff_f7ff_7000, "7ffff7ff7000-7ffff7ffb000 r--p [vvar]", "a page of [vvar]", "SIGSEGV, SEGV_ACCERR", "SIGSEGV, SEGV_ACCERR")]
    [InlineData(0x7fff_f7ff_8000, "7ffff7ff7000-7ffff7ffb000 r--p [vvar]", "SIGBUS, BUS_ADRERR", "SIGSEGV, SEGV_ACCERR", "SIGBUS, BUS_ADRERR")]
    [InlineData(0x1_0000, "", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR")]
    [InlineData(0xffff_8880_0000_0000, "", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR")]
    [InlineData(0x8000_0000_0000, "", "SIGSEGV, SI_KERNEL", "SIGSEGV, SI_KERNEL", "SIGSEGV, SI_KERNEL")]
    public void Address_OfAProgram_HasItsAreaAndWhatEachAccessComesTo(ulong address, string area, string read, string write, string execute)
    {
        using var machine = new ProgramMachine(ProgramChoice.Sample(), [SampleProgram.Path], KernelProfile.V6_18, AslrSeed.Off, KernelKind.X8664);
        Explanation explanation = new ProgramExplainer(machine).Explain(address, "asked");
        Assert.Equal(area, explanation.Area is ExplainedArea a ? $"{a.Start:x}-{a.End:x} {a.Permissions} {a.Name}" : "");
        string[] expected = [read, write, execute];
        Assert.Equal([Access.Read, Access.Write, Access.Execute], explanation.Program.Select(p => p.Access));
        foreach ((string start, ProgramAccess answer) in expected.Zip(explanation.Program))
        {
            Assert.StartsWith(start, answer.Text, StringComparison.Ordinal);
            Assert.Equal(!start.StartsWith("SIG", StringComparison.Ordinal), answer.GoesAhead);
        }
    }

    [Fact]
    public void Questions_InARow_ChangeNoAnswer()
    {
        using var machine = new ProgramMachine(ProgramChoice.Sample(), [SampleProgram.Path], KernelProfile.V6_18, AslrSeed.Off, KernelKind.X8664);
        var explainer = new ProgramExplainer(machine);
        // The page of zeros and the page cache stay with the machine.
        _ = explainer.Explain(0x501234, "");
        long free = machine.Linux.Pages.FreePages;
        string first = string.Join('\n', explainer.Explain(0x501234, "").Program.Select(p => p.Text));
        Assert.Equal(first, string.Join('\n', explainer.Explain(0x501234, "").Program.Select(p => p.Text)));
        Assert.Equal(free, machine.Linux.Pages.FreePages);
    }

    [Fact]
    public void Explain_KernelAddressOfAProgram_IsMappedAndRefused()
    {
        string text = Output("explain", "ffffffff81000010", "--exec");
        Assert.Contains("linear     0xffffffff81000010  kernel image", text, StringComparison.Ordinal);
        Assert.Contains("area       none", text, StringComparison.Ordinal);
        Assert.Contains("physical   0x1000010 = 2 MiB page 0x1000000 + 0x10", text, StringComparison.Ordinal);
        Assert.Matches("CPL 0 +allowed", text);
        Assert.Matches("CPL 3 +#PF\\(P\\|U\\): supervisor page", text);
    }

    [Fact]
    public void Explain_PageOfAProgram_ShowsEntriesZoneAndFrame()
    {
        string text = Output("explain", "7fffffffe800", "--exec");
        Assert.Matches("area +7ffffffde000-7ffffffff000 rw-p \\[stack\\], flags rd wr mr mw me gd ac", text);
        Assert.Matches("frame +0x[0-9a-f]+ of zone DMA32, private memory, mapped by 1 entry", text);
        Assert.Matches("write +the page is there\n", text);
    }

    [Fact]
    public void Explain_WithASeed_IsOfTheRandomisedProgram()
    {
        using JsonDocument json = JsonDocument.Parse(Output("explain", "7ffffffde010", "ffffffff81000010", "--exec", "--seed", "3", "--json"));
        Assert.Equal(JsonValueKind.Null, json.RootElement[0].GetProperty("area").ValueKind);
        Assert.StartsWith("SIGSEGV", json.RootElement[0].GetProperty("program")[0].GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_Json_HasAreaAndAccesses()
    {
        using JsonDocument json = JsonDocument.Parse(Output("explain", "7fffffffe800", "--exec", "--profile", "5.x", "--json"));
        JsonElement root = json.RootElement[0];
        Assert.Equal("[stack]", root.GetProperty("area").GetProperty("name").GetString());
        Assert.Equal("rd wr mr mw me gd ac", root.GetProperty("area").GetProperty("flags").GetString());
        Assert.Equal([true, true, false], root.GetProperty("program").EnumerateArray().Select(p => p.GetProperty("goesAhead").GetBoolean()));
    }

    [Theory]
    [InlineData("402790", "area       401000-403000 r-xp /probe, offset 0x1000", "the page is there", "SIGSEGV, SEGV_ACCERR", "the page is there")]
    [InlineData("10008", "area       10000-12000 rw-p anonymous memory", "the page is there", "copy on write", "SIGSEGV, SEGV_ACCERR")]
    [InlineData("7f462d42a000", "area       7f462d40a000-7f462d472000 rw-p anonymous memory", "the page comes back", "the page comes back", "SIGSEGV, SEGV_ACCERR")]
    [InlineData("20000", "area       none", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR", "SIGSEGV, SEGV_MAPERR")]
    public void Explain_AddressOfARecordedProcess_ShowsItsArea(string address, string area, string read, string write, string execute)
    {
        string text = Output("explain", address, "--image", Amd64);
        Assert.Contains(area, text, StringComparison.Ordinal);
        Assert.Matches($"read +{read}[^\n]*\n +write +{write}[^\n]*\n +execute +{execute}", text);
    }

    [Theory]
    [InlineData("zz", "--exec")]
    [InlineData("gs:28", "--exec")]
    [InlineData("0", "--exec", "/no-such-program")]
    [InlineData("0", "--exec", "--kernel", "user")]
    [InlineData("0", "--exec", "--cpl", "0")]
    [InlineData("0", "--exec", "--cr3", "1000")]
    [InlineData("0", "--exec", "--seed", "x")]
    [InlineData("0", "--exec", "--profile", "2.4")]
    [InlineData("0", "--exec", "--image", "x")]
    [InlineData("0", "--image", "x", "--seed", "1")]
    [InlineData("--exec")]
    public void Explain_OfWhatCannotBe_IsOneLineAndCode2(params string[] args)
    {
        ToolRun run = ToolRun.Of(["explain", .. args]);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    private static string Output(params string[] args)
    {
        ToolRun run = ToolRun.Of(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return run.Output;
    }
}
