using System.Diagnostics;

namespace FastMmu.Cli.Images.Judging;

/// <summary>Compares the engine with everything that was recorded of a guest.</summary>
internal static class ImageJudge
{
    private delegate void Check(Examination examination, string path, AnswerTally tally);

    // Kind, file, and who compares it.
    private static readonly (string Kind, string File, Check Run)[] Checks =
    [
        ("queries", "queries.tsv", QueryCheck.Run),
        ("mappings", "mappings.tsv", MappingCheck.Run),
        ("spaces/queries", "spaces/queries.tsv", QueryCheck.Run),
        ("spaces/mappings", "spaces/mappings.tsv", MappingCheck.Run),
        ("pagemap", "pagemap.tsv", PagemapCheck.Run),
    ];

    /// <summary>Compares all answers that the guest's folder has.</summary>
    /// <param name="guest">The guest. Its memory is not changed.</param>
    /// <param name="quirks">Where its answerers deviate from the architecture.</param>
    /// <param name="mismatchesKept">How many mismatches are kept to be shown.</param>
    /// <param name="work">Told how far the comparison is.</param>
    /// <exception cref="InputException">A file of answers is damaged or of another format.</exception>
    public static GuestVerdict Compare(RecordedGuest guest, ImageQuirks quirks, int mismatchesKept, LongWork work)
    {
        var verdict = new GuestVerdict(mismatchesKept);
        var present = new List<(string Kind, string Path, Check Run)>();
        var missing = new List<string>();
        foreach ((string kind, string file, Check run) in Checks)
        {
            if (guest.Directory.Find(file) is string path) present.Add((kind, path, run));
            else missing.Add(file);
        }

        if (missing.Count > 0) verdict.Note($"not recorded, not checked: {string.Join(", ", missing)}");

        using var examination = new Examination(guest, quirks, verdict, work, present.Select(p => p.Path));
        foreach ((string kind, string path, Check run) in present)
        {
            AnswerTally tally = verdict.Open(kind);
            long start = Stopwatch.GetTimestamp();
            run(examination, path, tally);
            tally.Elapsed = Stopwatch.GetElapsedTime(start);
        }

        return verdict;
    }
}
