using FastMmu.Cli.Recorded;
using Xunit;

namespace FastMmu.Tests.Recorded;

/// <summary>Every recorded row agrees, and every file is read to its end.</summary>
public sealed class RecordedAnswersTests
{
    public static TheoryData<string, int> Files { get; } = new()
    {
        { "paging-2level.tsv.gz", 8473 },
        { "paging-pae.tsv.gz", 8275 },
        { "paging-4level.tsv.gz", 8475 },
        { "paging-4level-kvm.tsv.gz", 24938 },
        { "paging-5level.tsv.gz", 8482 },
        { "disputed.tsv.gz", 293 },
        { "seg-hw.tsv.gz", 20000 },
        { "seg-kvm.tsv.gz", 17201 },
        { "hwpf.tsv.gz", 10000 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Engine_EveryRowOfTheFile_Agrees(string file, int rows)
    {
        VectorReport report = VectorFile.Verify(RepositoryRoot.Data("x86", file), new VectorOptions());
        Assert.True(report.Mismatched == 0, Text(report));
        Assert.Equal(rows, report.Checked);
    }

    [Theory]
    [InlineData("paging-2level.tsv.gz")]
    [InlineData("paging-pae.tsv.gz")]
    [InlineData("paging-4level.tsv.gz")]
    [InlineData("paging-4level-kvm.tsv.gz")]
    [InlineData("paging-5level.tsv.gz")]
    [InlineData("disputed.tsv.gz")]
    public void Reference_EveryRowOfThePagingFile_Agrees(string file)
    {
        VectorReport report = VectorFile.Verify(RepositoryRoot.Data("x86", file), new VectorOptions { CreatePagingSubject = () => new ReferencePaging() });
        Assert.True(report.Mismatched == 0, Text(report));
    }

    [Fact]
    public void Files_AllOfTheFolder_AreListed()
    {
        string[] present = [.. Directory.GetFiles(RepositoryRoot.Data("x86"), "*.gz").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Assert.Equal(Files.Select(f => f.Data.Item1).Order(StringComparer.Ordinal), present);
    }

    private static string Text(VectorReport report) => string.Join('\n', report.Mismatches
        .Select(m => $"line {m.Line}, row {m.Id} ({m.Mode}, {m.Kind}): {string.Join("; ", m.Differences)}")
        .Prepend($"{report.Path}: {report.Checked} checked, {report.Mismatched} mismatched"));
}
