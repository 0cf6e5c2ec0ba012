using System.Text.Json;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tests.Recorded;
using FastMmu.Tlb;
using FastMmu.Traces;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Cli;

public sealed class ReplayCommandTests
{
    private static readonly string Perl = RepositoryRoot.Data("traces", "perl-hash.lackey.gz");

    [Fact]
    public void Replay_OfARealTrace_CountsWhatItHolds()
    {
        ToolRun run = ToolRun.Of("replay", Perl);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("1,099,995 accesses", run.Output, StringComparison.Ordinal);
        Assert.Contains("456 pages of 4 KiB", run.Output, StringComparison.Ordinal);
        Assert.Contains("ns a translation", run.Output, StringComparison.Ordinal);
    }

    // The presets differ in what the replay may leave out: one has one array for fetches and data, one no second level, one no TLB.
    [Theory]
    [InlineData("zen4", false)]
    [InlineData("zen4", true)]
    [InlineData("skylake", false)]
    [InlineData("pentium", false)]
    [InlineData("pentium", true)]
    [InlineData("intel80386", false)]
    [InlineData("none", false)]
    public void Counts_OfAReplay_AreThoseOfEveryAccessAlone(string preset, bool large)
    {
        PageSize size = large ? PageSize.Size2M : PageSize.Size4K;
        using var file = new TemporaryFile(SomeLines(20_000));
        MmuStatistics expected = Plainly(file.Path, Enum.Parse<TlbPreset>(preset, ignoreCase: true), size);
        ToolRun run = ToolRun.Of(large ? ["replay", "--json", "--tlb", preset, "--large-pages", file.Path] : ["replay", "--json", "--tlb", preset, file.Path]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement[] levels = [.. json.RootElement.GetProperty("levels").EnumerateArray()];
        Assert.Equal(preset == "none", levels.Length == 0);
        foreach (JsonElement level in levels)
        {
            TlbAccess kind = level.GetProperty("kind").GetString() == "fetch" ? TlbAccess.Instruction : TlbAccess.Data;
            Assert.Equal(expected.Tlb.Hits(level.GetProperty("level").GetInt32(), kind, size), level.GetProperty("hits").GetUInt64());
            ulong below = level.GetProperty("level").GetInt32() == 1 ? expected.Tlb.Hits(2, kind, size) : 0;
            Assert.Equal(expected.Tlb.MissesOf(kind) + below, level.GetProperty("misses").GetUInt64());
        }

        Assert.Equal(expected.Walks, json.RootElement.GetProperty("walks").GetUInt64());
        Assert.Equal(expected.EntriesRead, json.RootElement.GetProperty("entriesRead").GetUInt64());
    }

    [Fact]
    public void Json_OfAReplay_HasEveryCount()
    {
        using var file = new TemporaryFile("==1== x\nI  1000,3\n L 1ffc,8\n S 3000,8\n M 3008,4\n L 8000000000000000,8\n");
        using JsonDocument json = JsonDocument.Parse(ToolRun.Of("replay", file.Path, "--json").Output);
        JsonElement root = json.RootElement;
        Assert.Equal("5 1 2 1 1", string.Join(' ', root.GetProperty("accesses").EnumerateObject().Select(p => p.Value.GetInt64())));
        Assert.Equal(6, root.GetProperty("translations").GetInt64());
        Assert.Equal(1, root.GetProperty("refused").GetInt64());
        Assert.Equal(4, root.GetProperty("workingSet").GetProperty("pages").GetInt64());
        Assert.Equal(1, root.GetProperty("workingSet").GetProperty("written").GetInt64());
    }

    [Fact]
    public void Replay_OfPlainText_EqualsThatOfGzip()
    {
        string text = SomeLines(5_000);
        using var plain = new TemporaryFile(text);
        using var compressed = new TemporaryFile(TemporaryFile.Gzip(text));
        Assert.Equal(Counts(plain.Path), Counts(compressed.Path));
    }

    [Theory]
    [InlineData(" L 1000,8\n S 2000,x\n", ": line 2: ")]
    [InlineData("", ": the trace holds no access")]
    [InlineData("==1== nothing\n", ": the trace holds no access")]
    public void Replay_OfABadFile_IsOneLineAndExitsWith2(string text, string reason)
    {
        using var file = new TemporaryFile(text);
        ToolRun run = ToolRun.Of("replay", file.Path);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.StartsWith($"fastmmu: {file.Path}{reason}", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Fact]
    public void Replay_OfACutGzip_NamesTheLineAndExitsWith2()
    {
        byte[] whole = File.ReadAllBytes(Perl);
        using var cut = new TemporaryFile(whole[..(whole.Length / 8)]);
        ToolRun run = ToolRun.Of("replay", cut.Path);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Matches($"^fastmmu: {cut.Path}: line [0-9]+: the gzip data [^\n]*\n$", run.Error);
    }

    [Theory]
    [InlineData("/nowhere/at/all", "no such file")]
    [InlineData("/", "is a directory")]
    public void Replay_OfNoFile_ExitsWith2(string path, string reason)
    {
        ToolRun run = ToolRun.Of("replay", path);
        Assert.Equal((2, $"fastmmu: {path}: {reason}\n"), (run.Code, run.Error));
    }

    [Theory]
    [InlineData("replay")]
    [InlineData("replay", "x", "--tlb", "zen9")]
    [InlineData("replay", "x", "--bogus")]
    public void Replay_UsedWrongly_ExitsWith2(params string[] args)
    {
        ToolRun run = ToolRun.Of(args);
        Assert.Equal(2, run.Code);
        Assert.Matches("^fastmmu: [^\n]+ Try 'fastmmu replay --help'.\n$", run.Error);
    }

    private static string Counts(string path)
    {
        using JsonDocument json = JsonDocument.Parse(ToolRun.Of("replay", "--json", path).Output);
        return string.Join('\n', json.RootElement.EnumerateObject().Where(p => p.Name is "accesses" or "workingSet" or "levels" or "walks").Select(p => p.Value.ToString()));
    }

    // A loop over some pages, with jumps: enough to hit and miss in all levels.
    private static string SomeLines(int count)
    {
        var random = new Random(99);
        var lines = new string[count];
        ulong code = 0x40_0000, data = 0x7f_0000_0000;
        for (int i = 0; i < count; i++)
        {
            if (random.Next(20) == 0) code = 0x40_0000 + ((ulong)random.Next(200) << 12);
            if (random.Next(4) == 0) data = 0x7f_0000_0000 + ((ulong)random.Next(4000) << (random.Next(2) == 0 ? 12 : 21));
            lines[i] = random.Next(3) > 0
                ? $"I  {code += 4:x8},4\n"
                : $" {"LSM"[random.Next(3)]} {data + (ulong)random.Next(4096):x8},{1 << random.Next(4)}\n";
        }

        return string.Concat(lines);
    }

    // Every access put to an MMU that counts, over tables that hold all pages beforehand.
    private static MmuStatistics Plainly(string path, TlbPreset preset, PageSize size)
    {
        using var memory = PhysicalMemory.Create(1 * GiB);
        var frames = new BumpFrameAllocator(memory, new PhysicalRange(0UL, 1 * GiB));
        PageMapper space = PageMapper.Create<Paging4Level>(memory, frames);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4, new MmuOptions { Tlb = preset, Statistics = true });
        mmu.EnablePaging(space.Root);
        mmu.SetCpl(3);
        using LackeyReader reader = LackeyReader.Open(path);
        var accesses = new TraceAccess[100_000];
        int count = reader.Read(accesses);
        var parts = new List<(ulong Linear, Access Access)>();
        foreach (TraceAccess access in accesses.AsSpan(0, count))
        {
            Access does = access.Kind switch
            {
                TraceAccessKind.Fetch => Access.Execute,
                TraceAccessKind.Load => Access.Read,
                _ => Access.Write,
            };
            parts.Add((access.Linear.Value, does));
            ulong last = access.Linear.Value + access.Size - 1;
            if (((last ^ access.Linear.Value) & ~(size.Bytes() - 1)) != 0) parts.Add((last, does));
        }

        foreach ((ulong linear, _) in parts) space.Map(linear & ~(size.Bytes() - 1), 2UL << 40, size.Bytes(), Rights.UserAll);
        foreach ((ulong linear, Access access) in parts) Assert.True(mmu.Translate(linear, access, Privilege.User).Ok);
        return mmu.Statistics;
    }
}
