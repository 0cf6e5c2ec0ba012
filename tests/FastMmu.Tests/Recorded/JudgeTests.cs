using FastMmu.Cli.Recorded;
using Xunit;

namespace FastMmu.Tests.Recorded;

/// <summary>The judges can say no: each column that is compared, changed in a row that agrees, makes a mismatch that names the column.</summary>
public sealed class JudgeTests
{
    private const string Refused = "cpl=3 kind=W result=14 errcode=7";

    [Theory]
    // A page fault on a present page.
    [InlineData("paging-4level.tsv.gz", Refused, "result=13", "result")]
    [InlineData("paging-4level.tsv.gz", Refused, "errcode=5", "errcode")]
    [InlineData("paging-4level.tsv.gz", Refused, "cr2=1000", "cr2")]
    [InlineData("paging-4level.tsv.gz", Refused, "cr2=-", "cr2")]
    [InlineData("paging-4level.tsv.gz", Refused, "result=ok errcode=- cr2=- pa=1000 stage=-", "result")]
    [InlineData("paging-2level.tsv.gz", Refused, "errcode=6", "errcode")]
    [InlineData("paging-5level.tsv.gz", Refused, "errcode=f", "errcode")]
    // An access that was made.
    [InlineData("paging-4level.tsv.gz", "kind=R result=ok", "pa=fff", "pa")]
    [InlineData("paging-4level-kvm.tsv.gz", "kind=R result=ok", "pa=fff", "pa")]
    [InlineData("paging-4level-kvm.tsv.gz", "kind=X result=ok", "result=14 errcode=15 cr2=1000 pa=-", "result")]
    [InlineData("paging-pae.tsv.gz", "kind=I result=ok", "result=14 errcode=1 cr2=1000 pa=- stage=access", "result")]
    // No page fault: CR2 stays as it was.
    [InlineData("paging-4level.tsv.gz", "result=13", "cr2=1000", "cr2")]
    [InlineData("paging-4level.tsv.gz", "result=12", "result=13", "result")]
    // Where a PAE row stops.
    [InlineData("paging-pae.tsv.gz", "stage=cr3", "stage=reload", "stage")]
    [InlineData("paging-pae.tsv.gz", "stage=reload", "stage=access", "stage")]
    [InlineData("paging-pae.tsv.gz", "stage=reload", "reload=-", "stage")]
    [InlineData("paging-pae.tsv.gz", "stage=reload", "edit=-", "stage")]
    [InlineData("disputed.tsv.gz", "answered_by=S-implicit-SMAP-AC", "result=ok errcode=- cr2=- pa=1000 stage=-", "result")]
    // Segments.
    [InlineData("seg-kvm.tsv.gz", "stage=load vector=13", "stage=access", "stage")]
    [InlineData("seg-kvm.tsv.gz", "stage=load vector=11", "vector=13", "vector")]
    [InlineData("seg-kvm.tsv.gz", "stage=load vector=13", "errcode=fffc", "errcode")]
    [InlineData("seg-kvm.tsv.gz", "stage=access vector=13", "stage=load", "stage")]
    [InlineData("seg-kvm.tsv.gz", "stage=ok kind=R", "linear=1", "linear")]
    [InlineData("seg-kvm.tsv.gz", "stage=ok kind=R", "descriptor_after=1", "descriptor_after")]
    [InlineData("seg-kvm.tsv.gz", "stage=load vector=11", "descriptor_after=1", "descriptor_after")]
    [InlineData("seg-hw.tsv.gz", "stage=far", "stage=ok vector=- errcode=- linear=1", "stage")]
    [InlineData("seg-hw.tsv.gz", "stage=ok kind=J", "linear=-", "linear")]
    [InlineData("seg-hw.tsv.gz", "stage=access seg=SS vector=12", "vector=13", "vector")]
    // Two pages.
    [InlineData("hwpf.tsv.gz", "kind=W result=14", "result=13", "result")]
    [InlineData("hwpf.tsv.gz", "kind=W result=14", "errcode=4", "errcode")]
    [InlineData("hwpf.tsv.gz", "kind=M result=14", "cr2=123400002001", "cr2")]
    [InlineData("hwpf.tsv.gz", "kind=M result=14", "bytes_changed=1", "bytes_changed")]
    [InlineData("hwpf.tsv.gz", "kind=W result=ok size=4", "bytes_changed=3", "bytes_changed")]
    [InlineData("hwpf.tsv.gz", "kind=W result=ok size=8 linear=123400001ffc", "bytes_changed=7", "bytes_changed")]
    [InlineData("hwpf.tsv.gz", "kind=R result=ok size=4", "bytes_changed=4", "bytes_changed")]
    [InlineData("hwpf.tsv.gz", "kind=X result=14 rip_at=t", "rip_at=t+10", "rip_at")]
    [InlineData("hwpf.tsv.gz", "kind=X result=14 rip_at=t+10", "rip_at=t", "rip_at")]
    [InlineData("hwpf.tsv.gz", "kind=X result=13", "rip_at=t", "rip_at")]
    [InlineData("hwpf.tsv.gz", "result=12", "result=13", "result")]
    public void Judge_ColumnChanged_IsReported(string file, string row, string change, string column)
    {
        Assert.Empty(Judge(RecordedRows.First(file, row)));
        Assert.Contains(Judge(RecordedRows.First(file, row).With(change)), difference => difference.StartsWith(column + ": ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("paging-2level.tsv.gz", "kind=W result=ok", 2)]
    [InlineData("paging-pae.tsv.gz", "kind=W result=ok", 2)]
    [InlineData("paging-pae.tsv.gz", "kind=W result=ok", 3)]
    [InlineData("paging-4level.tsv.gz", "kind=R result=ok", 4)]
    [InlineData("paging-4level.tsv.gz", "kind=M result=ok", 3)]
    [InlineData("paging-5level.tsv.gz", "kind=I result=ok", 5)]
    [InlineData("paging-5level.tsv.gz", "kind=X result=ok", 4)]
    public void Judge_AccessedBitOfAnAccessChanged_IsReported(string file, string row, int level) =>
        Assert.Contains(Judge(RecordedRows.First(file, row).WithAfter(level, e => e ^ 0x20)), d => d.StartsWith($"level {level} after", StringComparison.Ordinal));

    [Theory]
    [InlineData("paging-2level.tsv.gz")]
    [InlineData("paging-pae.tsv.gz")]
    [InlineData("paging-4level.tsv.gz")]
    [InlineData("paging-4level-kvm.tsv.gz")]
    [InlineData("paging-5level.tsv.gz")]
    public void Judge_DirtyBitOfALeafChanged_IsReported(string file)
    {
        // Down to level 1, so that the leaf is known.
        RecordedRows row = RecordedRows.First(file, field => field("kind") == "W" && field("result") == "ok" && field("entries").Contains(";1:", StringComparison.Ordinal));
        Assert.Empty(Judge(row));
        Assert.Contains(Judge(row.WithAfter(1, e => e ^ 0x40)), d => d.StartsWith("level 1 after", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x40)]
    public void Judge_LeafOfARefusedAccessChanged_IsReported(ulong bit)
    {
        RecordedRows row = RecordedRows.First("paging-4level.tsv.gz", field =>
            field("errcode") == "7" && field("entries").Split(";1:") is [_, var leaf] && (Convert.ToUInt64(leaf.Split(':')[2], 16) & bit) == 0);
        Assert.Contains(Judge(row.WithAfter(1, e => e | bit)), d => d.StartsWith("level 1 after", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_AccessedAboveARefusingLeaf_IsAccepted()
    {
        RecordedRows row = RecordedRows.First("paging-4level.tsv.gz", field => field("errcode") == "7" && field("entries").Contains(";1:", StringComparison.Ordinal));
        Assert.Empty(Judge(row.WithAfter(4, e => e | 0x20).WithAfter(3, e => e | 0x20).WithAfter(2, e => e | 0x20)));
        Assert.NotEmpty(Judge(row.WithAfter(4, e => e ^ 0x40)));
    }

    [Fact]
    public void Judge_AccessedBelowAnEntryThatIsNotPresent_IsReported()
    {
        RecordedRows row = RecordedRows.First("paging-4level.tsv.gz", field => field("errcode") == "4"
            && (Convert.ToUInt64(field("entries").Split(':')[3], 16) & 0x21) == 0 && field("entries").Contains(";3:", StringComparison.Ordinal));
        Assert.Empty(Judge(row));
        Assert.NotEmpty(Judge(row.WithAfter(4, e => e | 0x20)));
    }

    [Fact]
    public void Judge_PdpteMarkedAccessed_IsReported()
    {
        RecordedRows row = RecordedRows.First("paging-pae.tsv.gz", field => field("errcode") == "7" && field("edit") == "-");
        Assert.NotEmpty(Judge(row.WithAfter(3, e => e | 0x20)));
    }

    [Fact]
    public void Quirk_RmwAccessed_AcceptsTheLeaf()
    {
        RecordedRows row = RecordedRows.First("paging-2level.tsv.gz", "kind=M cpl=0 errcode=3");
        foreach (int level in new[] { 2, 1 }) row.WithAfter(level, e => e | 0x20);
        Assert.NotEmpty(Judge(row));
        Assert.Empty(Judge(row, Quirks.RmwAccessed));
    }

    [Fact]
    public void Quirk_Wrap4G_AcceptsAnAccessPast4GiB()
    {
        RecordedRows row = RecordedRows.Like("seg-kvm.tsv.gz").Add(
            "id=1 src=KE cpl=0 kind=R size=4 seg=DS selector=8 descriptor=00cf93000000ffff gdt_limit=1ff ldt_limit=1ff offset=fffffffe "
            + "stage=ok vector=- errcode=- linear=fffffffe descriptor_after=00cf93000000ffff");
        Assert.NotEmpty(Judge(row));
        Assert.Empty(Judge(row, Quirks.Wrap4G));
        // A limit below the top is a limit.
        Assert.NotEmpty(Judge(row.With("descriptor=00cf93000000fffe descriptor_after=00cf93000000fffe"), Quirks.Wrap4G));
    }

    [Fact]
    public void Quirk_AmdPdptBit8_ReservesIt()
    {
        RecordedRows row = RecordedRows.First("paging-4level-kvm.tsv.gz", field => field("vendor") == "A" && field("result") == "ok"
            && (Convert.ToUInt64(field("entries").Split(";3:")[1].Split(':')[2], 16) & 0x100) != 0);
        Assert.Empty(Judge(row));
        Assert.Contains("result: expected ok, actual 14", Judge(row, Quirks.AmdPdptBit8));
    }

    private static IReadOnlyList<string> Judge(RecordedRows rows, Quirks quirks = Quirks.None)
    {
        using var file = new TemporaryFile(rows.ToString());
        VectorReport report = VectorFile.Verify(file.Path, new VectorOptions { Quirks = quirks });
        Assert.Equal(1, report.Checked);
        return report.Mismatches.Count == 0 ? [] : report.Mismatches[0].Differences;
    }
}
