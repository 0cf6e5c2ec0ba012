using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>Rows of one mode and kind.</summary>
internal sealed class VectorCount
{
    /// <summary>Rows judged.</summary>
    public long Checked { get; set; }

    /// <summary>Rows in which something disagreed.</summary>
    public long Mismatched { get; set; }
}

/// <summary>A row that disagrees.</summary>
/// <param name="Line">Its line in the file.</param>
/// <param name="Id">Its name in the file.</param>
/// <param name="Mode">Its mode.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Differences">One text a column.</param>
internal sealed record VectorMismatch(long Line, string Id, string Mode, string Kind, IReadOnlyList<string> Differences);

/// <summary>What came of one file.</summary>
internal sealed class VectorReport
{
    /// <param name="path">The file as the user named it.</param>
    /// <param name="format">What its rows are.</param>
    public VectorReport(string path, string format)
    {
        Path = path;
        Format = format;
    }

    /// <summary>The file as the user named it.</summary>
    public string Path { get; }

    /// <summary>What its rows are: paging, segment, or page-pair.</summary>
    public string Format { get; }

    /// <summary>Counts by mode and kind.</summary>
    public SortedDictionary<(string Mode, string Kind), VectorCount> Counts { get; } = new(Comparer<(string Mode, string Kind)>.Create(
        (a, b) => string.CompareOrdinal(a.Mode, b.Mode) is not 0 and var order ? order : string.CompareOrdinal(a.Kind, b.Kind)));

    /// <summary>The first rows that disagree, as many as were asked for.</summary>
    public List<VectorMismatch> Mismatches { get; } = [];

    /// <summary>Rows judged.</summary>
    public long Checked { get; private set; }

    /// <summary>Rows in which something disagreed.</summary>
    public long Mismatched { get; private set; }

    /// <summary>Counts a verdict.</summary>
    /// <param name="verdict">The verdict.</param>
    /// <param name="line">The row's line in the file.</param>
    /// <param name="limit">How many mismatches are kept.</param>
    public void Add(RowVerdict verdict, long line, int limit)
    {
        if (!Counts.TryGetValue((verdict.Mode, verdict.Kind), out VectorCount? count)) Counts.Add((verdict.Mode, verdict.Kind), count = new());
        Checked++;
        count.Checked++;
        if (verdict.Differences.Count == 0) return;
        Mismatched++;
        count.Mismatched++;
        if (Mismatches.Count < limit) Mismatches.Add(new(line, verdict.Id, verdict.Mode, verdict.Kind, [.. verdict.Differences]));
    }
}
