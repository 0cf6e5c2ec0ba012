using System.Text;

using FastMmu.Cli.Recorded;
using FastMmu.Reference.Vectors;
using Xunit;

namespace FastMmu.Tests.Recorded;

/// <summary>A file that cannot be used is refused with its name and line, whatever is wrong with it.</summary>
public sealed class RecordedTableTests
{
    private const string Paging = "paging-4level.tsv.gz";
    private static readonly string Good = RecordedRows.First(Paging, "kind=W result=ok").ToString();

    [Fact]
    public void Verify_PlainOrGzip_IsTheSame()
    {
        Assert.Equal(1, Verify(Good).Checked);
        using var gzip = new TemporaryFile(TemporaryFile.Gzip(Good));
        Assert.Equal(1, VectorFile.Verify(gzip.Path, new VectorOptions()).Checked);
    }

    [Fact]
    public void Verify_GzipOfSeveralMembers_IsReadToItsEnd()
    {
        int half = Good.Length / 2;
        using var file = new TemporaryFile([.. TemporaryFile.Gzip(Good[..half]), .. TemporaryFile.Gzip(Good[half..])]);
        Assert.Equal(1, VectorFile.Verify(file.Path, new VectorOptions()).Checked);
    }

    [Fact]
    public void Verify_ColumnsInAnotherOrder_AreFoundByName()
    {
        string[][] lines = [.. Good.TrimEnd('\n')[1..].Split('\n').Select(line => line.Split('\t').Reverse().ToArray())];
        VectorReport report = Verify("#extra\t" + string.Join('\t', lines[0]) + "\nx\t" + string.Join('\t', lines[1]) + "\n");
        Assert.Equal((1, 0), (report.Checked, report.Mismatched));
    }

    [Fact]
    public void Verify_LinesOfWindows_AreRead() => Assert.Equal(0, Verify(Good.Replace("\n", "\r\n", StringComparison.Ordinal)).Mismatched);

    [Fact]
    public void Verify_GzipCutAnywhere_IsRefused()
    {
        byte[] whole = TemporaryFile.Gzip(Good);
        for (int length = 3; length < whole.Length; length++)
        {
            using var cut = new TemporaryFile(whole[..length]);
            Assert.Matches($"^{cut.Path}:[123]: the gzip data ", Refusal(cut.Path));
        }
    }

    [Fact]
    public void Verify_GzipWithBytesBehind_IsRefused()
    {
        using var file = new TemporaryFile([.. TemporaryFile.Gzip(Good), 1, 2, 3]);
        Assert.Contains("gzip", Refusal(file.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_GzipWithABitFlipped_IsRefused()
    {
        byte[] whole = TemporaryFile.Gzip(Good);
        // Behind the header, whose time and system nobody checks.
        for (int at = 10; at < whole.Length; at += 3)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x10;
            using var file = new TemporaryFile(damaged);
            Assert.Throws<InvalidDataException>(() => VectorFile.Verify(file.Path, new VectorOptions()));
        }
    }

    [Fact]
    public void Verify_PlainCutAnywhere_IsRefused()
    {
        for (int length = 1; length < Good.Length; length++)
        {
            using var cut = new TemporaryFile(Good[..length]);
            Assert.StartsWith(cut.Path + ":", Refusal(cut.Path), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("id", "vendor", ":1: ", "column 'id' of a paging file is missing")]
    [InlineData("cr4", "linear", ":1: ", "column 'linear' appears twice")]
    public void Verify_ColumnRenamed_IsRefused(string from, string to, string place, string reason)
    {
        string renamed = from == "id" ? Good.Replace("#id\t", "#name\t", StringComparison.Ordinal) : Good.Replace($"\t{from}\t", $"\t{to}\t", StringComparison.Ordinal);
        using var file = new TemporaryFile(renamed);
        string message = Refusal(file.Path);
        Assert.StartsWith(file.Path + place, message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("#a\tb\tc\n1\t2\t3\n", ":1: no known format")]
    [InlineData("a\tb\tc\n1\t2\t3\n", ":1: no header")]
    [InlineData("\n", ":1: no header")]
    [InlineData("#\n", ":1: no known format")]
    [InlineData("", ": the file is empty")]
    public void Verify_OtherText_IsRefused(string text, string reason)
    {
        using var file = new TemporaryFile(text);
        Assert.StartsWith(file.Path + reason, Refusal(file.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_HeaderAlone_IsRefused() =>
        Assert.Contains("no rows", Assert.Throws<InvalidDataException>(() => Verify(Good[..(Good.IndexOf('\n', StringComparison.Ordinal) + 1)])).Message, StringComparison.Ordinal);

    [Fact]
    public void Verify_NoFile_IsRefused()
    {
        Assert.Equal("/nowhere/at/all: no such file", Refusal("/nowhere/at/all"));
        Assert.EndsWith(": is a directory", Refusal(Path.GetTempPath()), StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => VectorFile.Verify("a\0b", new VectorOptions()));
        Assert.ThrowsAny<IOException>(() => VectorFile.Verify("", new VectorOptions()));
    }

    [Fact]
    public void Verify_BinaryGarbage_IsRefused()
    {
        byte[] garbage = new byte[200_000];
        new Random(1).NextBytes(garbage);
        foreach (int length in new[] { 1, 2, 3, 1000, 200_000 })
        {
            using var file = new TemporaryFile(garbage[..length]);
            Assert.NotEmpty(Refusal(file.Path));
        }
    }

    [Fact]
    public void Verify_OneEndlessLine_IsRefused()
    {
        using var file = new TemporaryFile(Good + new string('7', 10 * LineReader.LongestLine));
        Assert.Contains("end of line", Refusal(file.Path), StringComparison.Ordinal);
        using var bomb = new TemporaryFile(TemporaryFile.Gzip(new string('\0', 50_000_000)));
        Assert.Contains("end of line", Refusal(bomb.Path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mode=3L", "mode")]
    [InlineData("mode=5L", "entries")]
    [InlineData("mode=PAE", "entries")]
    [InlineData("cr4=1020", "the registers are not those of mode 4L")]
    [InlineData("efer=800", "the registers are not those of mode 4L")]
    [InlineData("efer=400", "no processor can hold these registers")]
    [InlineData("cr4=ffffffffffffffff", "no processor can hold these registers")]
    [InlineData("cr0=180010033", "no processor can hold these registers")]
    [InlineData("cr3=ffffffffffffffff", "no processor can hold these registers")]
    [InlineData("vendor=X", "vendor")]
    [InlineData("maxphyaddr=31", "maxphyaddr")]
    [InlineData("maxphyaddr=53", "maxphyaddr")]
    [InlineData("maxphyaddr=99999999999999999999", "maxphyaddr")]
    [InlineData("maxphyaddr=-40", "maxphyaddr")]
    [InlineData("gbpages=2", "gbpages")]
    [InlineData("cpl=4", "cpl")]
    [InlineData("kind=Q", "kind")]
    [InlineData("seg=F", "seg")]
    [InlineData("linear=", "linear")]
    [InlineData("linear=0x1000", "linear")]
    [InlineData("linear=-", "linear")]
    [InlineData("linear=12345678123456781", "linear")]
    [InlineData("linear=g", "linear")]
    [InlineData("cr0= 1", "cr0")]
    [InlineData("result=OK", "result")]
    [InlineData("result=0", "result")]
    [InlineData("result=14", "errcode")]
    [InlineData("errcode=7", "errcode")]
    [InlineData("cr2=7", "cr2")]
    [InlineData("pa=-", "pa")]
    [InlineData("pa=10000000000000", "pa")]
    [InlineData("stage=cr3", "stage")]
    [InlineData("stage=later", "stage")]
    [InlineData("pkru=100000000", "pkru")]
    [InlineData("entries=-", "entries")]
    [InlineData("entries=4:1000:0:1", "entries")]
    [InlineData("entries=4:1000:0:1:1:1", "entries")]
    [InlineData("entries=4:1001:0:1:1", "entries")]
    [InlineData("entries=4:1000:200:1:1", "entries")]
    [InlineData("entries=4:10000000000000:0:1:1", "entries")]
    [InlineData("entries=3:1000:0:1:1", "entries")]
    [InlineData("entries=4:1000:0:1:1;2:1000:0:1:1", "entries")]
    [InlineData("entries=4:1000:0:1:1;3:1000:1:1:1;2:1000:2:1:1;1:1000:3:1:1;0:1000:4:1:1", "entries")]
    [InlineData("entries=4:1000:0:1:1;3:1000:0:2:2", "two entries")]
    [InlineData("edit=1:0", "edit")]
    [InlineData("reload=cr2:0", "reload")]
    [InlineData("reload=cr0", "reload")]
    public void Verify_FieldThatMakesNoSense_IsRefused(string change, string reason) => AssertRefused(RecordedRows.First(Paging, "kind=W result=ok"), change, reason);

    [Theory]
    [InlineData("pdptes=0,0,0", "pdptes")]
    [InlineData("pdptes=0,0,0,0,0", "pdptes")]
    [InlineData("pdptes=0,0,0,x", "pdptes")]
    [InlineData("pdptes=2,2,2,2", "contradicts")]
    [InlineData("edit=4:0", "edit")]
    [InlineData("edit=0:10000000000000000", "edit")]
    [InlineData("reload=cr3:", "reload")]
    [InlineData("cr3=100000000", "no processor can hold these registers")]
    public void Verify_PaeFieldThatMakesNoSense_IsRefused(string change, string reason) => AssertRefused(RecordedRows.First("paging-pae.tsv.gz", "kind=W result=ok"), change, reason);

    [Theory]
    [InlineData("src=XX", "src")]
    [InlineData("seg=CS", "seg")]
    [InlineData("seg=XS", "seg")]
    [InlineData("kind=J", "seg")]
    [InlineData("size=0", "size")]
    [InlineData("selector=10000", "selector")]
    [InlineData("gdt_limit=10000", "gdt_limit")]
    [InlineData("offset=100000000", "offset")]
    [InlineData("stage=later", "stage")]
    [InlineData("vector=13", "vector")]
    [InlineData("errcode=0", "errcode")]
    [InlineData("stage=load vector=32 errcode=0", "vector")]
    public void Verify_SegmentFieldThatMakesNoSense_IsRefused(string change, string reason) => AssertRefused(RecordedRows.First("seg-kvm.tsv.gz", "kind=R stage=ok"), change, reason);

    [Theory]
    [InlineData("kind=I", "kind")]
    [InlineData("size=5", "5 bytes")]
    [InlineData("size=0", "size")]
    [InlineData("page1=RWXX", "page1")]
    [InlineData("rip_at=t", "rip_at")]
    [InlineData("bytes_changed=-1", "bytes_changed")]
    public void Verify_PagePairFieldThatMakesNoSense_IsRefused(string change, string reason) => AssertRefused(RecordedRows.First("hwpf.tsv.gz", "kind=M result=ok"), change, reason);

    [Fact]
    public void Verify_WrongNumberOfFields_IsRefused()
    {
        foreach (string changed in new[] { Good[..^1] + "\tx\n", Good[..^1].Remove(Good.LastIndexOf('\t')) + "\n", Good + "\n", Good + "x\n" })
        {
            using var file = new TemporaryFile(changed);
            Assert.Matches($"^{file.Path}:[23]: [0-9]+ fields, but the header names 28$", Refusal(file.Path));
        }
    }

    [Fact]
    public void Verify_TablesScatteredOverAllOfPhysicalMemory_AreFoundAgain()
    {
        RecordedRows rows = RecordedRows.Like(Paging);
        var random = new Random(7);
        for (int i = 0; i < 300; i++)
        {
            ulong table = (ulong)random.NextInt64(1L << 40) << 12;
            rows.Add("mode=4L vendor=I maxphyaddr=52 gbpages=1 cr0=80010033 cr4=20 efer=d00 eflags=2 cpl=0 kind=R size=1 seg=D linear=0 result=ok errcode=- cr2=- "
                + $"pa=40000000 entries=4:{table:x}:0:5003:5023;3:5000:0:40000083:400000a3 answered_by=Q cr3={table:x} pkru=0 pdptes=- edit=- reload=- stage=- deviant=- upperA=- id={i}");
        }

        VectorReport report = Verify(rows.ToString());
        Assert.Equal((300, 0), (report.Checked, report.Mismatched));
    }

    [Fact]
    public void Verify_AnyDamageToAFile_IsARefusalOrAReport()
    {
        byte[][] seeds =
        [
            Encoding.UTF8.GetBytes(Good),
            Encoding.UTF8.GetBytes(RecordedRows.First("paging-pae.tsv.gz", "stage=reload").ToString()),
            Encoding.UTF8.GetBytes(RecordedRows.First("seg-hw.tsv.gz", "kind=J stage=ok").ToString()),
            Encoding.UTF8.GetBytes(RecordedRows.First("hwpf.tsv.gz", "kind=M result=ok").ToString()),
        ];
        byte[] alphabet = Encoding.UTF8.GetBytes("0123456789abcdef\t\n:;,-#ok\0\xff");
        var random = new Random(2024);
        for (int i = 0; i < 1000; i++)
        {
            byte[] damaged = [.. seeds[i % seeds.Length]];
            int header = Array.IndexOf(damaged, (byte)'\n') + 1;
            for (int n = random.Next(1, 4); n > 0; n--) damaged[random.Next(header, damaged.Length)] = alphabet[random.Next(alphabet.Length)];
            using var file = new TemporaryFile(damaged);
            try
            {
                Assert.True(VectorFile.Verify(file.Path, new VectorOptions()).Checked > 0);
            }
            catch (InvalidDataException refused)
            {
                Assert.StartsWith(file.Path + ":", refused.Message, StringComparison.Ordinal);
            }
        }
    }

    private static void AssertRefused(RecordedRows row, string change, string reason)
    {
        // A change may have a space in its value; only the first column is then changed.
        if (change.Split('=')[1].StartsWith(' ')) row[change.Split('=')[0]] = change.Split('=')[1];
        else row.With(change);
        using var file = new TemporaryFile(row.ToString());
        string message = Refusal(file.Path);
        Assert.StartsWith(file.Path + ":2: ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static VectorReport Verify(string text)
    {
        using var file = new TemporaryFile(text);
        return VectorFile.Verify(file.Path, new VectorOptions());
    }

    private static string Refusal(string path)
    {
        Exception? refused = Record.Exception(() => VectorFile.Verify(path, new VectorOptions()));
        Assert.True(refused is InvalidDataException or IOException, $"{path}: {refused}");
        return refused.Message;
    }
}
