using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>Real programs on Unicorn with FastMmu.Linux as their memory, beside the same programs on this computer.</summary>
public sealed partial class ClientTests : IDisposable
{
    private static readonly string[] Clean = ["PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C"];
    private readonly string _folder = Directory.CreateTempSubdirectory("fastmmu-client-").FullName;

    public ClientTests()
    {
        // Text whose lines are neither in order nor alike.
        var random = new Random(1);
        var text = new StringBuilder();
        for (int i = 0; i < 1500; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{random.Next(100_000)} {random.NextInt64():x} line {i}\n");
        }

        File.WriteAllText(Path.Combine(_folder, "input"), text.ToString());
    }

    public static TheoryData<string[]> Programs => new()
    {
        new[] { "true" },
        new[] { "false" },
        new[] { "echo", "hello", "world" },
        new[] { "cat" },
        new[] { "sha256sum", "input" },
        new[] { "sort", "-n" },
        new[] { "gzip", "-c" },
        new[] { "awk", "{ n[$1 % 10] += length($2) } END { for (i = 0; i < 10; i++) print i, n[i], NR }" },
        new[] { "sh", "-c", "echo hi; i=0; while [ $i -lt 50 ]; do i=$((i+1)); done; echo $i; exit 3" },
        new[] { "sh", "-c", "sort input | sed -n 1,3p | sha256sum; x=$(busybox seq 5 | busybox tail -n 1); echo $x" },
        new[] { "sh", "-c", "gzip -c <input >z && gunzip -c <z | cmp - input && echo same; rm z" },
        new[] { "sh", "-c", "seq 4 | xargs -n 2 echo; grep -c 7 <input; sed -n 's/line 9/LINE/p' input | tail -n 2" },
        new[] { "sh", "-c", "trap 'echo got it' USR1; kill -USR1 $$; (sleep 0.1; exit 4) & wait $!; echo $?; cat /dev/fd/0 <input | wc -c" },
        new[] { "cat", "/proc/self/maps" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_OnUnicorn_EndsAsOnThisComputer(string[] command)
    {
        ClientPrograms.Require();
        ClientRun client = RunBoth([ClientPrograms.Busybox, .. command], out ProgramResult native);
        Assert.Equal(native.Errors, client.Result.Errors);
        Assert.Empty(client.Report.GetProperty("refused").EnumerateObject());
        Assert.True(client.Count("misses") > 50);
        Assert.True(client.Count("copies") > 0, "No page was copied on write.");
    }

    [Fact]
    public void DynamicProgram_OnUnicorn_EndsAsOnThisComputer()
    {
        ClientPrograms.Require();
        const string Program = "/usr/bin/sort";
        Assert.SkipUnless(File.Exists(Program), $"No {Program} is here.");
        ClientRun client = RunBoth([Program, "-n", "input"], out _);
        Assert.Contains("libc.so.6", client.Result.Processes["0"].Maps, StringComparison.Ordinal);
    }

    [Fact]
    public void MemoryCalls_OnUnicorn_ShowTheProgramWhatTheKernelShows()
    {
        ClientPrograms.Require();
        const ulong A = 0x1000_0000, B = 0x2000_0000, Shared = 0x3000_0000, Code = 0x4000_0000, Guarded = 0x5000_0000, P = 0x1000;
        const ulong Fixed = 0x32, ReadWrite = 3;
        const int Mmap = 9, Mprotect = 10, Munmap = 11, Action = 13, Mremap = 25, Madvise = 28, Prctl = 157, Unknown = 9999;
        static ulong Returning(ulong value) => 0xb8 | (value << 8) | (0xc3UL << 40);       // mov eax,VALUE; ret
        var program = new GuestProgram();
        program.Call(Mmap, A, 4 * P, ReadWrite, Fixed, ulong.MaxValue, 0).ExpectResult(A);
        program.Expect(A + (2 * P), 0).Store(A + (2 * P), 7).Expect(A + (2 * P), 7);
        program.Store(A, 1).Store(A + P, 2).Store(A + (3 * P), 4);
        program.Call(Mprotect, A + P, P, 1).ExpectResult(0).Expect(A + P, 2);
        program.Call(Mprotect, A + P, P, ReadWrite).ExpectResult(0).Store(A + P, 5).Expect(A + P, 5);
        program.Call(Mremap, A, 4 * P, 8 * P, 3, B).ExpectResult(B);
        program.Expect(B, 1).Expect(B + P, 5).Expect(B + (2 * P), 7).Expect(B + (7 * P), 0);
        program.Call(Munmap, B + (2 * P), P).ExpectResult(0);
        program.Call(Mmap, B + (2 * P), P, ReadWrite, Fixed, ulong.MaxValue, 0).ExpectResult(B + (2 * P)).Expect(B + (2 * P), 0);
        program.Call(Madvise, B, P, 4).ExpectResult(0).Expect(B, 0);
        // What a child writes: shared memory shows it, private memory does not.
        program.Call(Mmap, Shared, P, ReadWrite, Fixed - 1, ulong.MaxValue, 0).ExpectResult(Shared).Store(Shared, 3).Store(B + P, 6);
        program.Fork(child => child.Expect(B + P, 6).Store(B + P, 8).Store(Shared, 9).Expect(B + P, 8));
        program.Expect(Shared, 9).Expect(B + P, 6).Store(B + P, 10).Expect(B + P, 10);
        // Code that changes in place, and other code at the same address.
        program.Call(Mmap, Code, P, 7, Fixed, ulong.MaxValue, 0).ExpectResult(Code);
        program.Store(Code, Returning(1)).ExpectOfCode(Code, 1).Store(Code, Returning(2)).ExpectOfCode(Code, 2);
        program.Call(Munmap, Code, P).Call(Mmap, Code, P, 7, Fixed, ulong.MaxValue, 0).Store(Code, Returning(3)).ExpectOfCode(Code, 3);
        // A handler that gives the access what it lacks.
        ulong handler = program.Aside(part => part.Call(Mprotect, Guarded, P, ReadWrite).Bytes(0xc3));
        ulong restorer = program.Aside(part => part.Call(15));
        program.Store(B, handler).Store(B + 8, 0x0400_0004).Store(B + 16, restorer).Store(B + 24, 0).Call(Action, 11, B, 0, 8).ExpectResult(0);
        program.Call(Mmap, Guarded, P, 1, Fixed, ulong.MaxValue, 0).ExpectResult(Guarded).Store(Guarded, 42).Expect(Guarded, 42);
        program.Call(Unknown).ExpectResult(unchecked((ulong)-38));
        // Nothing writable may be executed from here on, by the child either; and a name, where the kernel has names.
        if (Environment.OSVersion.Version >= new Version(6, 3))
        {
            const ulong refused = unchecked((ulong)-13);
            program.Call(Prctl, 65, 1, 0, 0, 0).ExpectResult(0).Call(Mprotect, Guarded, P, 7).ExpectResult(refused).Call(Mprotect, Guarded, P, 5).ExpectResult(refused);
            program.Fork(child => child.Call(Prctl, 66, 0, 0, 0, 0).ExpectResult(1).Call(Mmap, B + (16 * P), P, 7, Fixed, ulong.MaxValue, 0).ExpectResult(refused));
        }

        ulong name = program.Aside(part => part.Bytes("name\0"u8));
        program.Call(Prctl, 0x53564d61, 0, B, P, name);
        program.Exit(0).WriteTo(Path.Combine(_folder, "memory"));

        ClientRun client = RunBoth(["./memory"], out ProgramResult native);
        Assert.Equal(0, native.ExitCode);
        Assert.True(client.Count("pagesInvalidated") >= 10);
        Assert.True(client.Count("copies") >= 3);
        Assert.Equal("9999", Assert.Single(client.Report.GetProperty("refused").EnumerateObject()).Name);
    }

    [Fact]
    public void ProgramThatMisbehaves_OnUnicorn_DiesAsOnThisComputer()
    {
        ClientPrograms.Require();
        var programs = new SortedDictionary<string, GuestProgram>(StringComparer.Ordinal)
        {
            ["null"] = new GuestProgram().Store(0, 1),
            ["noncanonical"] = new GuestProgram().Store(1UL << 63, 1),
            ["kernel"] = new GuestProgram().Store(0xffff_ffff_8100_0000, 1),
            ["code"] = new GuestProgram().Store(GuestProgram.Base, 1),
            ["jump"] = new GuestProgram().Move(0, 0x1000).Bytes(0xff, 0xe0),
            ["stack"] = new GuestProgram().Bytes(0x48, 0x89, 0xe0, 0xff, 0xe0),     // mov rax,rsp; jmp rax
            ["recursion"] = new GuestProgram().Bytes(0x50, 0xeb, 0xfd),             // push rax, again and again
            ["halt"] = new GuestProgram().Bytes(0xf4),
            ["undefined"] = new GuestProgram().Bytes(0x0f, 0x0b),
            ["breakpoint"] = new GuestProgram().Bytes(0xcc),
            ["division"] = new GuestProgram().Bytes(0x31, 0xc9, 0xf7, 0xf1),
        };
        var beyond = new GuestProgram();
        ulong name = beyond.Aside(part => part.Bytes("input\0"u8));
        beyond.Call(2, name, 0, 0).Bytes(0x49, 0x89, 0xc0);                         // mov r8,rax
        programs["beyond"] = beyond.Move(7, 0x1000_0000).Move(6, 0x1000).Move(2, 1).Move(10, 0x12).Move(9, 0x100_0000).Move(0, 9).Bytes(0x0f, 0x05)
            .Expect(0x1000_0000, 0);
        foreach ((string file, GuestProgram program) in programs)
        {
            program.Exit(0).WriteTo(Path.Combine(_folder, file));
        }

        string script = $"for p in {string.Join(' ', programs.Keys)}; do ./$p; echo $p $?; done 2>/dev/null";
        ClientRun client = RunBoth([ClientPrograms.Busybox, "sh", "-c", script], out ProgramResult native);
        Assert.Contains("null 139\n", Encoding.Latin1.GetString(native.Output), StringComparison.Ordinal);
        Assert.True(client.Count("pagesEvicted") > 0, "The stack that overflowed left room for everything.");
    }

    [Fact]
    public void ProgramThatIsKilled_OnUnicorn_LeavesTheShellsExitCode()
    {
        ClientPrograms.Require();
        new GuestProgram().Store(0, 1).WriteTo(Path.Combine(_folder, "null"));
        ClientRun client = RunBoth(["./null"], out _);
        Assert.Equal(139, client.Result.ExitCode);
        Assert.Equal("Segmentation fault\n", client.Result.Errors);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The number of shared memory's inode is a counter of the whole computer since its start; everything else is compared.
    private static string Comparable(string maps) => SharedMemory().Replace(maps, "$1 $2");

    [GeneratedRegex(@"^(\S+ \S+ \S+) \S+ \d+ +(/dev/zero \(deleted\))$", RegexOptions.Multiline)]
    private static partial Regex SharedMemory();

    // Output, exit code, and of every process its status and its areas: byte for byte what /proc/PID/maps says.
    private ClientRun RunBoth(string[] arguments, out ProgramResult native)
    {
        const int CoreDumped = 0x80;
        native = NativeRun.Run(_folder, Clean, arguments);
        ClientRun client = ClientRun.Run(_folder, Clean, arguments);
        Assert.Equal(Encoding.Latin1.GetString(native.Output), Encoding.Latin1.GetString(client.Result.Output));
        Assert.Equal(native.ExitCode & ~(native.ExitCode > 0xff ? CoreDumped : 0), client.Result.ExitCode);
        Assert.Equal(native.Processes.Keys, client.Result.Processes.Keys);
        foreach ((string lineage, ProcessEnd end) in ClientPrograms.KernelMergesAsModelled ? native.Processes : [])
        {
            ProcessEnd other = client.Result.Processes[lineage];
            Assert.Equal($"{lineage} {end.Status & ~CoreDumped}\n{Comparable(end.Maps)}", $"{lineage} {other.Status}\n{Comparable(other.Maps)}");
        }

        // Each page had its translation, the map of Unicorn was looked through behind every memory call, and nothing is left charged.
        Assert.True(client.Count("misses") > 0);
        Assert.Equal(client.Count("pagesMapped"), client.Count("misses") + client.Count("refusals"));
        Assert.True(client.Count("audits") > client.Count("memoryCalls"));
        Assert.True(client.Count("pagesAudited") > 0);
        Assert.Equal(0, client.Count("committedPages"));
        return client;
    }
}
