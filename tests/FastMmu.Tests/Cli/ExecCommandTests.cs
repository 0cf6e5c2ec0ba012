using System.Text.Json;
using FastMmu.Cli.Programs;
using Xunit;

namespace FastMmu.Tests.Cli;

public sealed class ExecCommandTests
{
    [Fact]
    public void Exec_OfNothing_ShowsAProgramOfThisMachineOrTheToolsOwn()
    {
        ToolRun run = ToolRun.Of("exec", "--no-aslr");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.EndsWith("translated, 0 wrong", run.LastLine, StringComparison.Ordinal);
        Assert.Contains("[stack]", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Exec_OfASmallProgram_ShowsWhatExecveMakesOfIt()
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        using JsonDocument json = JsonDocument.Parse(Output("exec", "--json", "--no-aslr", program.Path, "one", "--", "-two"));
        JsonElement root = json.RootElement;
        Assert.Equal(64, root.GetProperty("bits").GetInt32());
        Assert.Equal("0x401000", root.GetProperty("regs").GetProperty("rip").GetString());
        Assert.Equal("0x502000", root.GetProperty("mm").GetProperty("start_brk").GetString());
        string[] ranges = [.. root.GetProperty("areas").EnumerateArray().Select(a => $"{a.GetProperty("start")}-{a.GetProperty("end")} {a.GetProperty("permissions")} {a.GetProperty("rss")}")];
        Assert.Equal(
            [
                "0x400000-0x401000 r--p 1", "0x401000-0x402000 r-xp 1", "0x402000-0x406000 rw-p 4", "0x406000-0x502000 rw-p 252",
                "0x7ffff7ff7000-0x7ffff7ffb000 r--p 0", "0x7ffff7ffb000-0x7ffff7ffd000 r--p 0", "0x7ffff7ffd000-0x7ffff7fff000 r-xp 2",
                "0x7ffffffde000-0x7ffffffff000 rw-p 33",
            ],
            ranges);
        Assert.Equal(0, root.GetProperty("translations").EnumerateArray().Sum(t => t.GetProperty("wrong").GetInt32()));
        Assert.True(root.GetProperty("translations")[0].GetProperty("pages").GetInt32() >= 1 + 1 + 4 + 252 + 2 + 33, "every page in memory is translated");
    }

    [Fact]
    public void Exec_OfAProgram_ShowsTheKernelsHalf()
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        string text = Output("exec", "--no-aslr", program.Path);
        Assert.Contains("kernel's half: direct map at ffff888000000000, vmalloc at ffffc90000000000, kernel at ffffffff81000000, ", text, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(Output("exec", "--json", "--seed", "3", program.Path));
        JsonElement kernel = json.RootElement.GetProperty("kernel_half");
        Assert.NotEqual("0xffff888000000000", kernel.GetProperty("regions").EnumerateArray().Single(r => r.GetProperty("name").GetString()!.StartsWith("direct map", StringComparison.Ordinal)).GetProperty("first").GetString());
        Assert.True(kernel.GetProperty("shared_entries").GetInt32() > 64, "direct map, vmalloc area and kernel have their entries");
        Assert.True(kernel.GetProperty("shared_tables").GetInt64() > kernel.GetProperty("shared_entries").GetInt32());
        // The program's translations and table costs are its own.
        Assert.Equal(0, json.RootElement.GetProperty("translations").EnumerateArray().Sum(t => t.GetProperty("wrong").GetInt32()));
        Assert.True(json.RootElement.GetProperty("tables").GetInt64() < 16);
    }

    [Theory]
    [InlineData("i386", 255, 4L)]
    [InlineData("i386-pae", 1, 7L)]
    public void Kernel_Of32Bits_RunsTheToolsOwn32BitProgram(string kernel, int sharedEntries, long tables)
    {
        using JsonDocument json = JsonDocument.Parse(Output("exec", "--json", "--no-aslr", "--kernel", kernel));
        JsonElement root = json.RootElement;
        Assert.Equal((32, kernel), (root.GetProperty("bits").GetInt32(), root.GetProperty("architecture").GetString()));
        Assert.Equal(("0xc0000000", "0xb8000000"), (root.GetProperty("task_size").GetString(), root.GetProperty("mmap_base").GetString()));
        Assert.Equal(sharedEntries, root.GetProperty("kernel_half").GetProperty("shared_entries").GetInt32());
        Assert.Equal(tables, root.GetProperty("tables").GetInt64());
        Assert.True(root.GetProperty("touching").GetProperty("zones").GetProperty("HighMem").GetInt64() >= 1 + 1 + 4 + 252 + 33, "the program's pages are in high memory");
        Assert.Equal(0, root.GetProperty("translations").EnumerateArray().Sum(t => t.GetProperty("wrong").GetInt32()));
        Assert.Contains("eip 401000", Output("exec", "--no-aslr", "--kernel", kernel), StringComparison.Ordinal);

        using var program = new ProgramOnDisk(SampleProgram.Create());
        ToolRun refused = ToolRun.Of("exec", "--kernel", kernel, program.Path);
        Assert.Equal(2, refused.Code);
        Assert.Contains(": ENOEXEC: ", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Kernel_User_HasNoTablesInTheGuest_AndEveryTranslationIsRight()
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        using JsonDocument json = JsonDocument.Parse(Output("exec", "--json", "--no-aslr", "--kernel", "user", program.Path));
        using JsonDocument usual = JsonDocument.Parse(Output("exec", "--json", "--no-aslr", program.Path));
        JsonElement root = json.RootElement;
        Assert.Equal("user", root.GetProperty("architecture").GetString());
        Assert.False(root.TryGetProperty("kernel_half", out _));
        Assert.Equal(0, root.GetProperty("translations").EnumerateArray().Sum(t => t.GetProperty("wrong").GetInt32()));
        foreach (string same in new[] { "areas", "touched", "at_start", "table_costs", "tables", "auxv", "regs", "task_size" })
        {
            Assert.Equal(usual.RootElement.GetProperty(same).GetRawText(), root.GetProperty(same).GetRawText());
        }

        string text = Output("exec", "--no-aslr", "--kernel", "user", program.Path);
        Assert.Contains("no kernel's half, and no page tables in guest memory", text, StringComparison.Ordinal);
        Assert.EndsWith(" translated, 0 wrong\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Seed_TheSame_GivesTheSameLayout()
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        string first = Stack("7"), second = Stack("7"), third = Stack("8");
        Assert.Equal(first, second);
        Assert.NotEqual(first, third);

        string Stack(string seed)
        {
            using JsonDocument json = JsonDocument.Parse(Output("exec", "--json", "--seed", seed, program.Path));
            return json.RootElement.GetProperty("regs").GetProperty("rsp").GetString()!;
        }
    }

    [Theory]
    [InlineData("5.x")]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void Profile_OfEveryRelease_RunsTheProgram(string profile)
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        string output = Output("exec", "--profile", profile, "--seed", "1", program.Path);
        Assert.Contains($"Linux {profile}", output, StringComparison.Ordinal);
        Assert.Equal(profile == "7.2", output.Contains("[vvar_vclock]", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(new byte[0], "ENOEXEC")]
    [InlineData(new byte[] { (byte)'#', (byte)'!', (byte)'/', (byte)'n', (byte)'o', (byte)'n', (byte)'e', (byte)'\n' }, "ENOENT")]
    [InlineData(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F' }, "ENOEXEC")]
    public void Exec_OfAFileThatIsNoProgram_IsOneLineAndCode2(byte[] content, string error)
    {
        using var program = new ProgramOnDisk(content);
        ToolRun run = ToolRun.Of("exec", program.Path);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.StartsWith($"fastmmu: {program.Path}: {error}: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Fact]
    public void Exec_OfWhatIsNotThereOrNotExecutable_SaysTheKernelsError()
    {
        using var program = new ProgramOnDisk(SampleProgram.Create());
        Assert.Contains(": ENOENT: ", ToolRun.Of("exec", program.Path + "-not").Error, StringComparison.Ordinal);
        Assert.Contains(": ENOTDIR: ", ToolRun.Of("exec", program.Path + "/x").Error, StringComparison.Ordinal);
        Assert.Contains(": EACCES: ", ToolRun.Of("exec", Path.GetDirectoryName(program.Path)!).Error, StringComparison.Ordinal);
        Assert.Equal(2, ToolRun.Of("exec", "--seed", "1", "--no-aslr", program.Path).Code);
        Assert.Equal(2, ToolRun.Of("exec", "--profile", "2.4", program.Path).Code);
    }

    private static string Output(params string[] args)
    {
        ToolRun run = ToolRun.Of(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return run.Output;
    }

    private sealed class ProgramOnDisk : IDisposable
    {
        public ProgramOnDisk(byte[] content)
        {
            // The real path: what maps shows has all links followed.
            Path = System.IO.Path.Combine(Directory.CreateTempSubdirectory("fastmmu-program-").FullName, "program");
            File.WriteAllBytes(Path, content);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }

        public string Path { get; }

        public void Dispose() => Directory.Delete(System.IO.Path.GetDirectoryName(Path)!, recursive: true);
    }
}
