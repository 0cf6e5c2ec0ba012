using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using FastMmu.Cli.MmTraces.Scripts;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using Xunit;

namespace FastMmu.Tests.Linux.Proc;

/// <summary>The files of /proc, letter for letter as a kernel showed them after the same calls.</summary>
public sealed class ProcTextTests : IDisposable
{
    private readonly ScriptRunner _runner;

    public ProcTextTests()
    {
        // The traced program lies beside the traces.
        string script = RepositoryRoot.Data("mm", "calls.txt");
        _runner = new(ScriptParser.Read(RepositoryRoot.Data("proc", "calls.txt"))[0], script);
        foreach (ScriptStep step in _runner.Run()) Assert.DoesNotContain("SIG", step.Answer.Result.ToString(), StringComparison.Ordinal);
        for (int process = 0; process < 2; process++) NameInodes(process);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Maps_OfAProcess_AreTheKernels(int process) => Same("maps", process, Mm(process).ToProcMaps());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Smaps_OfAProcess_AreTheKernels(int process) => Same("smaps", process, Mm(process).ToProcSmaps());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void SmapsRollup_OfAProcess_IsTheKernels(int process) => Same("smaps_rollup", process, Mm(process).ToProcSmapsRollup());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Statm_OfAProcess_IsTheKernels(int process) => Same("statm", process, Mm(process).ToProcStatm());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Status_OfAProcess_IsTheKernels(int process) => Same("status", process, Mm(process).ToProcStatus());

    [Fact]
    public void Pagemap_ReadAnywhere_ShowsThePages()
    {
        byte[] bytes = new byte[8 * 4];
        Assert.Equal(bytes.Length, ProcPagemap.Read(Mm(0), (0x10000000 >> 12) * 8, bytes));
        // The child has copied the first page and shares two more; the fourth was never touched.
        Assert.Equal(1UL << 63 | 1UL << 56, Entry(bytes, 0));
        Assert.Equal(1UL << 63, Entry(bytes, 1));
        Assert.Equal(1UL << 63, Entry(bytes, 2));
        Assert.Equal(0UL, Entry(bytes, 3));

        Assert.Equal(bytes.Length, ProcPagemap.Read(Mm(0), (0x10010000 >> 12) * 8, bytes));
        Assert.Equal(1UL << 63 | 1UL << 61, Entry(bytes, 0) & ~(1UL << 56));
    }

    [Fact]
    public void Pagemap_WithFrames_NamesTheFrameOfTheTouchedByte()
    {
        byte[] bytes = new byte[8];
        ProcPagemap.Read(Mm(1), (0x10000000 >> 12) * 8, bytes, showFrames: true);
        Mm(1).Touch(0x10000010, FastMmu.Processor.Access.Read, out FastMmu.Addresses.PhysicalAddress physical);
        Assert.Equal(physical.Value >> 12, Entry(bytes, 0) & ((1UL << 55) - 1));
    }

    [Fact]
    public void Pagemap_AtTheEnd_IsCutThere()
    {
        byte[] bytes = new byte[8 * 16];
        ulong end = (0x7fff_ffff_f000UL >> 12) * 8;
        Assert.Equal(16, ProcPagemap.Read(Mm(0), end - 16, bytes));
        Assert.Equal(0, ProcPagemap.Read(Mm(0), end, bytes));
        Assert.Equal(0, ProcPagemap.Read(Mm(0), ulong.MaxValue & ~7UL, bytes));
        Assert.Equal(-Errno.EINVAL, ProcPagemap.Read(Mm(0), 4, bytes));
        Assert.Equal(-Errno.EINVAL, ProcPagemap.Read(Mm(0), 8, bytes.AsSpan(0, 12)));
    }

    [Fact]
    public void Json_OfAProcess_SaysWhatSmapsSays()
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes)) ProcJson.Write(Mm(0), writer);
        using var json = JsonDocument.Parse(bytes.ToArray());
        JsonElement[] areas = [.. json.RootElement.GetProperty("areas").EnumerateArray()];
        string[] blocks = Recorded("smaps", 0).Split("VmFlags: ");
        Assert.Equal(blocks.Length - 2, areas.Length);
        for (int i = 0; i < areas.Length; i++)
        {
            Assert.Contains($"\nRss:            {areas[i].GetProperty("rss").GetInt32(),8} kB\n", blocks[i], StringComparison.Ordinal);
            Assert.Contains($"\nPss:            {areas[i].GetProperty("pss").GetInt32(),8} kB\n", blocks[i], StringComparison.Ordinal);
            Assert.Contains($"\nAnonymous:      {areas[i].GetProperty("anonymous").GetInt32(),8} kB\n", blocks[i], StringComparison.Ordinal);
            Assert.StartsWith(areas[i].GetProperty("flags").GetString() + " \n", blocks[i + 1], StringComparison.Ordinal);
        }

        Assert.Contains($"VmPTE:\t{json.RootElement.GetProperty("status").GetProperty("VmPTE").GetInt32(),8} kB\n", Recorded("status", 0), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amd64-4l-ption")]
    [InlineData("amd64-5l-ptioff")]
    public void Maps_OfARecordedGuest_RoundTrip(string guest)
    {
        string recorded = File.ReadAllText(RepositoryRoot.Data("images", guest, "maps.txt"));
        string[] lines = recorded.TrimEnd('\n').Split('\n');
        var context = new ProcessContext();
        using var memory = FastMmu.Memory.PhysicalMemory.Create(16 << 20);
        using var mm = new AddressSpace(new FastMmu.Linux.LinuxMachine(memory), context) { StartStack = ulong.MaxValue, StartBrk = ulong.MaxValue };
        foreach (string line in lines.Where(l => !l.EndsWith("[vsyscall]", StringComparison.Ordinal)))
        {
            string[] words = line.Split(' ', 6);
            ulong[] range = [.. words[0].Split('-').Select(Hex)];
            Assert.True(VmFlagCodes.TryParsePermissions(Encoding.ASCII.GetBytes(words[1]), out VmFlags flags));
            string name = words[5].Trim(' ');
            var vma = new Vma { Start = range[0], End = range[1], Flags = flags, PageOffset = Hex(words[2]) >> 12, Name = Special(name) };
            if (name == "[stack]") mm.StartStack = vma.Start + 16;
            if (name == "[heap]") (mm.StartBrk, mm.CurrentBrk) = (vma.Start, vma.End);
            mm.AddArea(vma, name.Length == 0 || name[0] == '[' ? null : new(Inode(name, words[3], words[4]), readable: true, writable: true));
        }

        VsyscallMode vsyscall = !recorded.Contains("[vsyscall]", StringComparison.Ordinal) ? VsyscallMode.None
            : lines[^1].Contains("r-xp", StringComparison.Ordinal) ? VsyscallMode.Emulate : VsyscallMode.ExecuteOnly;
        Assert.Equal(recorded, mm.ToProcMaps(vsyscall));
    }

    [Fact]
    public void Maps_NameWithANewLine_IsEscaped()
    {
        using var memory = FastMmu.Memory.PhysicalMemory.Create(16 << 20);
        using var mm = new AddressSpace(new FastMmu.Linux.LinuxMachine(memory), new ProcessContext());
        mm.AddArea(new() { Start = 0x1000, End = 0x2000, Flags = VmFlags.Read }, new(Inode("/a\nb", "08:01", "77"), readable: true, writable: false));
        Assert.Equal("00001000-00002000 r--p 00000000 08:01 77                                 /a\\012b\n", mm.ToProcMaps(VsyscallMode.None));
    }

    public void Dispose() => _runner.Dispose();

    private static FastMmu.Linux.Files.Inode Inode(string name, string device, string number) => new(FastMmu.Linux.Files.InodeKind.Regular, name, 1 << 20)
    {
        Identity = new((uint)Hex(device.Split(':')[0]), (uint)Hex(device.Split(':')[1]), ulong.Parse(number, CultureInfo.InvariantCulture)),
    };

    private static int Special(string name) => name switch
    {
        "[vvar]" => SpecialMapping.Vvar,
        "[vvar_vclock]" => SpecialMapping.VvarClock,
        "[vdso]" => SpecialMapping.Vdso,
        _ => 0,
    };

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static ulong Entry(byte[] bytes, int index) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8 * index));

    private static string Recorded(string file, int process) => File.ReadAllText(RepositoryRoot.Data("proc", $"{file}.{process}.txt"));

    // In a child entries are not marked as used, and what is left is the page's own mark from the kernel's list of pages, which is not modelled.
    private static void Same(string file, int process, string actual) =>
        Assert.Equal(WithoutMarks(Recorded(file, process), process), WithoutMarks(actual, process));

    private static string WithoutMarks(string text, int process) => process == 0 ? text
        : string.Join('\n', text.Split('\n').Where(line => !line.StartsWith("Referenced:", StringComparison.Ordinal)));

    private AddressSpace Mm(int process) => _runner.Tasks[process]!.Mm;

    // Devices and inode numbers are the recording machine's.
    private void NameInodes(int process)
    {
        string[] lines = Recorded("maps", process).Split('\n');
        AddressSpace mm = Mm(process);
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            string? line = lines.FirstOrDefault(l => l.StartsWith($"{vma.Start:x8}-", StringComparison.Ordinal));
            if (vma.File == 0 || line is null) continue;
            string[] words = line.Split(' ');
            mm.Machine.Files[vma.File].Inode.Identity = Inode("", words[3], words[4]).Identity;
        }
    }
}
