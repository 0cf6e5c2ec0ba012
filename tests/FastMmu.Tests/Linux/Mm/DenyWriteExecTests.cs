using System.Globalization;
using System.Text.RegularExpressions;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using FastMmu.Memory;
using FastMmu.Tests.Linux.Exec;
using Xunit;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>Memory-deny-write-execute: what a kernel answered, and what no record shows.</summary>
public sealed partial class DenyWriteExecTests : IDisposable
{
    private static readonly Dictionary<string, string[]> Recorded = Load();

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64UL << 20);
    private readonly LinuxMachine _machine;

    public DenyWriteExecTests()
    {
        const uint stack = 0x6474_e551, all = ElfSegment.Readable | ElfSegment.Writable | ElfSegment.Executable;
        _machine = new LinuxMachine(_memory);
        var files = new ProgramSet();
        files.Add("/bin/plain", new ProgramFile("/bin/plain", new TestElf().ToBytes()));
        files.Add("/bin/rwx", new ProgramFile("/bin/rwx", new TestElf { Segments = [TestElf.Load(0x40_0000, 0x1000, flags: all)] }.ToBytes()));
        files.Add("/bin/xstack", new ProgramFile("/bin/xstack", new TestElf { Segments = [TestElf.Load(0x40_0000, 0x1000), new(stack, all, 0, 0, 0, 0, 16)] }.ToBytes()));
        _machine.ExecSettings.Files = files;
    }

    public static TheoryData<string> Scenarios => [.. Recorded.Keys];

    public void Dispose() => _memory.Dispose();

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Calls_OfAScenario_GetTheKernelsAnswers(string scenario)
    {
        FastMmu.Linux.Mm.Task task = Start();
        string[] lines = Recorded[scenario];
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split(" = ")[0].Split(' ');
            switch (words[0])
            {
                case "fork":
                    Assert.Equal(2, task.Fork(2, out FastMmu.Linux.Mm.Task? child));
                    task = child!;
                    break;
                case "exec":
                    Assert.True(task.Exec("/bin/plain", ["plain"]).IsStarted);
                    break;
                case "personality":
                    task.Context.Personality |= (Personality)Hex(words[1]);
                    break;
                case "run":
                    Assert.Equal(3, task.Fork(3, out FastMmu.Linux.Mm.Task? runner));
                    ExecResult result = runner!.Exec("/bin/" + words[1], [words[1]]);
                    Assert.Equal(lines[i], $"{string.Join(' ', words)} = {(result.IsStarted ? "exit 7" : "signal 11")}");
                    break;
                case "areas":
                    string[] shown = [.. lines[(i + 1)..].TakeWhile(l => l.StartsWith("  ", StringComparison.Ordinal))];
                    Assert.Equal(shown, AreasOf(task.Mm));
                    i += shown.Length;
                    break;
                case "name":
                    Assert.Equal(lines[i], $"{string.Join(' ', words)} = {task.Mm.SetAnonymousName(Hex(words[1]), Hex(words[2]), words[3].Trim('"'))}");
                    break;
                default:
                    long answer = Call(task.Mm, words[0], [.. words[1..].Select(Hex)]);
                    Assert.Equal(lines[i], $"{string.Join(' ', words)} = {(answer < 0 ? answer.ToString(CultureInfo.InvariantCulture) : answer.ToString("x", CultureInfo.InvariantCulture))}");
                    break;
            }
        }
    }

    [Fact]
    public void Kernel_FromBefore6_3_KnowsNothingOfIt()
    {
        var machine = new LinuxMachine(_memory, KernelProfile.V5);
        using var mm = new AddressSpace(machine, new ProcessContext());
        Assert.Equal(-Errno.EINVAL, mm.Prctl(PrctlOption.SetMdwe, 1));
        Assert.Equal(-Errno.EINVAL, mm.Prctl(PrctlOption.GetMdwe, 0));
    }

    private static ulong Hex(string word) => word == "-1" ? ulong.MaxValue : ulong.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static long Call(AddressSpace mm, string name, ulong[] a) => name switch
    {
        "prctl" => mm.Prctl((int)a[0], a[1], a[2], a[3], a[4]),
        "mmap" => mm.Mmap(a[0], a[1], (int)a[2], (uint)a[3], (int)a[4], a[5]),
        "munmap" => mm.Munmap(a[0], a[1]),
        "mprotect" => mm.Mprotect(a[0], a[1], (int)a[2]),
        "pkey_mprotect" => mm.PkeyMprotect(a[0], a[1], (int)a[2], (int)a[3]),
        "mseal" => mm.Mseal(a[0], a[1], a[2]),
        "mremap" => mm.Mremap(a[0], a[1], a[2], (uint)a[3], a[4]),
        "remap_file_pages" => mm.RemapFilePages(a[0], a[1], (int)a[2], a[3], (uint)a[4]),
        "madvise" => mm.Madvise(a[0], a[1], (int)a[2]),
        "mlock" => mm.Mlock(a[0], a[1]),
        _ => throw new ArgumentException($"No call {name}.", nameof(name)),
    };

    // As the record has them: range, rights, offset, name.
    private static IEnumerable<string> AreasOf(AddressSpace mm)
    {
        foreach (string line in mm.ToProcMaps().Split('\n'))
        {
            Match fields = MapsLine().Match(line);
            if (fields.Success && Hex(fields.Groups["start"].Value) is >= 0x1000_0000 and < 0x3000_0000)
            {
                string name = fields.Groups["name"].Value;
                yield return $"  {fields.Groups["range"].Value} {fields.Groups["rights"].Value} {Hex(fields.Groups["offset"].Value):x} {(name.Length == 0 ? "-" : name)}";
            }
        }
    }

    [GeneratedRegex(@"^(?<range>(?<start>\w+)-\w+) (?<rights>\S+) (?<offset>\w+) \S+ \w+ *(?<name>.*)$")]
    private static partial Regex MapsLine();

    private static Dictionary<string, string[]> Load()
    {
        const string scenario = "scenario ";
        string[] lines = File.ReadAllLines(RepositoryRoot.Data("mm", "deny-write-exec.txt"));
        var all = new Dictionary<string, string[]>();
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith(scenario, StringComparison.Ordinal))
            {
                all.Add(lines[i][scenario.Length..], [.. lines[(i + 1)..].TakeWhile(l => !l.StartsWith(scenario, StringComparison.Ordinal))]);
            }
        }

        return all;
    }

    private FastMmu.Linux.Mm.Task Start()
    {
        var context = new ProcessContext();
        context.Files.Set(3, new OpenFile(new Inode(InodeKind.SharedMemory, "/memfd:file (deleted)", 0x1_0000), readable: true, writable: true));
        return _machine.Exec("/bin/plain", ["plain"], [], new ExecOptions { Context = context }).Task;
    }
}
