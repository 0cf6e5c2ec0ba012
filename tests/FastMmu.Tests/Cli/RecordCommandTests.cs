using System.Text.Json;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Cli;

public sealed class RecordCommandTests : IDisposable
{
    private static readonly string Perl = RepositoryRoot.Data("traces", "perl-hash.lackey.gz");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fastmmu-record-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Recording_OfATrace_ReplaysAsTheTrace()
    {
        string file = Path("perl.fma");
        ToolRun run = ToolRun.Of("record", Perl, file);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith($"{file}: 1,099,995 accesses in ", run.Output, StringComparison.Ordinal);
        Assert.Equal(Counts(Perl), Counts(file));
        // A recording is a trace too, and made again it is the same.
        string again = Path("again.fma");
        Assert.Equal(0, ToolRun.Of("record", "--json", file, again).Code);
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(again));
        Assert.Equal(0, ToolRun.Of("record", again, again).Code);
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(again));
        Assert.Equal(2, _folder.GetFiles().Length);
    }

    [Fact]
    public void Replay_OfADamagedRecording_NamesTheBlockAndExitsWith2()
    {
        string file = Path("perl.fma");
        Assert.Equal(0, ToolRun.Of("record", Perl, file).Code);
        byte[] whole = File.ReadAllBytes(file);
        AssertRefused(whole[..(whole.Length / 2)], "block [0-9]+ is cut: the file ends too early");
        byte[] flipped = (byte[])whole.Clone();
        flipped[whole.Length / 2] ^= 0x10;
        AssertRefused(flipped, "block [0-9]+ is damaged");
        AssertRefused([.. whole, 1], "block [0-9]+ is the last one, and something follows it");
        whole[8] = 9;
        AssertRefused(whole, "the recording has version 9, and 1 is known");
    }

    [Fact]
    public void Record_OfABadTrace_LeavesWhatWasThere()
    {
        string file = Path("kept");
        File.WriteAllText(file, "kept");
        using var bad = new TemporaryFile(" L 1000,8\n S 2000,x\n");
        ToolRun run = ToolRun.Of("record", bad.Path, file);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.StartsWith($"fastmmu: {bad.Path}: line 2: ", run.Error, StringComparison.Ordinal);
        using var empty = new TemporaryFile("==1== nothing\n");
        Assert.Equal(2, ToolRun.Of("record", empty.Path, file).Code);
        Assert.Equal("kept", File.ReadAllText(file));
        Assert.Single(_folder.GetFiles());
    }

    [Fact]
    public void Record_ToWhereNothingCanBe_ExitsWith2()
    {
        foreach (string to in new[] { Path("no/such/folder"), _folder.FullName })
        {
            ToolRun run = ToolRun.Of("record", Perl, to);
            Assert.Equal((2, ""), (run.Code, run.Output));
            Assert.Matches($"^fastmmu: {to}: [^\n]+\n$", run.Error);
        }

        Assert.Equal(2, ToolRun.Of("record", Perl).Code);
        Assert.Equal(2, ToolRun.Of("record", Path("nothing"), Path("out")).Code);
    }

    private string Path(string name) => System.IO.Path.Combine(_folder.FullName, name);

    private void AssertRefused(byte[] bytes, string reason)
    {
        string file = Path("damaged");
        File.WriteAllBytes(file, bytes);
        ToolRun run = ToolRun.Of("replay", file);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Matches($"^fastmmu: {file}: {reason}\n$", run.Error);
    }

    private static string Counts(string path)
    {
        using JsonDocument json = JsonDocument.Parse(ToolRun.Of("replay", "--json", path).Output);
        return string.Join('\n', json.RootElement.EnumerateObject().Where(p => p.Name is "accesses" or "workingSet" or "levels" or "walks").Select(p => p.Value.ToString()));
    }
}
