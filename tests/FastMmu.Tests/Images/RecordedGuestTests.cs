using System.IO.Compression;
using FastMmu.Cli;
using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Memory;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

/// <summary>Every recorded guest that is committed, and every answer in it.</summary>
public sealed class RecordedGuestTests
{
    // Where the recorded address spaces of a process are two (page-table isolation), each row of its pagemap is asked twice.
    public static TheoryData<string, int> Cases => new()
    {
        { "amd64-4l-compat32", 2 },
        { "amd64-4l-ption", 2 },
        { "amd64-5l-ptioff", 1 },
        { "i386-2level", 1 },
        { "i386-2level-nopse-nopge", 1 },
        { "i386-pae-ptioff", 1 },
        { "synthetic-2level-pse36", 1 },
        { "synthetic-la48", 1 },
        { "synthetic-pae", 1 },
    };

    [Fact]
    public void Cases_AreTheCommittedOnes() =>
        Assert.Equal(Directory.GetDirectories(RepositoryRoot.Data("images")).Select(Path.GetFileName).Order(), Cases.Select(c => c.Data.Item1).Order());

    [Theory]
    [MemberData(nameof(Cases))]
    public void Guest_EveryRecordedAnswer_Agrees(string name, int spacesOfProcess)
    {
        GuestVerdict verdict = Compare(name, ImageQuirks.Documented);
        Assert.Empty(verdict.Mismatches);
        Assert.Equal(0, verdict.Mismatched);
        Assert.DoesNotContain(verdict.Notes, n => n.Contains("not checked: no recorded", StringComparison.Ordinal));
        foreach (AnswerTally tally in verdict.Tallies)
        {
            long rows = CountRows(RepositoryRoot.Data("images", name, tally.Kind + ".tsv.gz"));
            Assert.Equal(tally.Kind == "pagemap" ? rows * spacesOfProcess : rows, tally.Checked);
        }
    }

    [Theory]
    [InlineData("i386-pae-ptioff", "pdpte-accessed")]
    [InlineData("amd64-4l-ption", "pagemap-protnone")]
    [InlineData("amd64-4l-ption", "no-rights")]
    public void Guest_WithoutAQuirkOfItsRecorder_Disagrees(string name, string quirk)
    {
        ToolRun run = ToolRun.Of("verify", "image", "--no-quirk", quirk, RepositoryRoot.Data("images", name));
        Assert.Equal(1, run.Code);
        Assert.DoesNotContain(" 0 mismatched", run.LastLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Guest_OfANarrowProcessor_NeedsWideAddresses()
    {
        string original = RepositoryRoot.Data("images", "synthetic-pae");
        using var folder = new GuestFolder();
        foreach (string file in Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories)) File.Delete(file);
        foreach (string file in Directory.GetFiles(original)) File.Copy(file, folder.FileAt(Path.GetFileName(file)));
        string meta = File.ReadAllText(folder.FileAt("meta.json"));
        folder.Write("meta.json", meta.Replace("phys-bits=52", "phys-bits=36", StringComparison.Ordinal));
        Assert.Equal(0, ToolRun.Of("verify", "image", folder.Path).Code);
        Assert.Equal(1, ToolRun.Of("verify", "image", "--no-quirk", "wide-addresses", folder.Path).Code);
    }

    [Fact]
    public void Guest_Compared_KeepsItsMemory()
    {
        string path = RepositoryRoot.Data("images", "i386-pae-ptioff");
        LongWork.Run(NoConsole(), "", work =>
        {
            using RecordedGuest guest = RecordedGuest.Load(path, work);
            using RecordedGuest untouched = RecordedGuest.Load(path, work);
            ImageJudge.Compare(guest, ImageQuirks.Documented, 10, work);
            MemoryRange range = guest.Memory.Ranges[0];
            for (ulong at = range.Start.Value; at < range.End; at += 1 << 20)
            {
                Assert.True(guest.Memory.Span(new(at), 1 << 20).SequenceEqual(untouched.Memory.Span(new(at), 1 << 20)));
            }

            return true;
        });
    }

    [Fact]
    public void Guest_Disposed_FreesItsMemory()
    {
        using var folder = new GuestFolder();
        RecordedGuest guest = LongWork.Run(NoConsole(), "", work => RecordedGuest.Load(folder.Path, work));
        PhysicalMemory memory = guest.Memory;
        Assert.Equal(0x2067u, memory.Read<uint>(new(0x1004)));
        guest.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Read<uint>(new(0x1004)));
    }

    private static GuestVerdict Compare(string name, ImageQuirks quirks) => LongWork.Run(NoConsole(), name, work =>
    {
        using RecordedGuest guest = RecordedGuest.Load(RepositoryRoot.Data("images", name), work);
        return ImageJudge.Compare(guest, quirks, 10, work);
    });

    private static ToolConsole NoConsole() => new(TextWriter.Null, TextWriter.Null);

    private static long CountRows(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        byte[] buffer = new byte[1 << 16];
        long lines = 0;
        for (int read; (read = gzip.Read(buffer)) > 0;) lines += buffer.AsSpan(0, read).Count((byte)'\n');
        return lines - 1;
    }
}
