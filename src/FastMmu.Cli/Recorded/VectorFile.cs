using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>A file of recorded rows of any known format, told by its columns and not by its name.</summary>
internal static class VectorFile
{
    /// <summary>Judges every row of a file.</summary>
    /// <param name="path">The file, plain or gzip.</param>
    /// <param name="options">How it is judged.</param>
    /// <param name="work">Learns how far the file is read.</param>
    /// <exception cref="InvalidDataException">The file is damaged or cut, has no rows, or is of no known format.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static VectorReport Verify(string path, VectorOptions options, LongWork? work = null)
    {
        using RecordedTable table = RecordedTable.Open(path);
        (string format, Func<IRowJudge> create) = Recognise(table, options);
        using IRowJudge judge = create();
        var report = new VectorReport(path, format);
        var verdict = new RowVerdict();
        while (table.MoveNext())
        {
            judge.Judge(verdict);
            report.Add(verdict, table.LineNumber, options.MismatchLimit);
            if (work is not null && (report.Checked & 0xff) == 0) work.Done = table.Done;
        }

        return report.Checked > 0 ? report : throw table.Refuse("the file has a header and no rows");
    }

    private static (string Format, Func<IRowJudge> Create) Recognise(RecordedTable table, VectorOptions options)
    {
        (string Format, string[] Columns, Func<IRowJudge> Create)[] formats =
        [
            ("paging", PagingRowReader.Columns, () => new PagingJudge(table, options.CreatePagingSubject(), options.Quirks)),
            ("segment", SegmentRowReader.Columns, () => new SegmentJudge(table, options.Quirks)),
            ("page-pair", PagePairRowReader.Columns, () => new PagePairJudge(table)),
        ];
        (string Format, string[] Columns, Func<IRowJudge> Create) closest = formats.MaxBy(f => (double)f.Columns.Count(table.Has) / f.Columns.Length);
        string[] missing = [.. closest.Columns.Where(c => !table.Has(c))];
        if (missing.Length == 0) return (closest.Format, closest.Create);
        // Half of the columns of a format make it that format with something missing; fewer are a coincidence.
        throw table.Refuse(missing.Length * 2 <= closest.Columns.Length
            ? $"column '{missing[0]}' of a {closest.Format} file is missing"
            : "no known format: the columns are neither those of a paging, a segment, nor a page-pair file");
    }
}
