namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>Compares the state of processes with what was recorded, and says what differs.</summary>
internal sealed class StateComparer(SkippedComparisons skipped)
{
    // The bit of a recorded pagemap word that says: a page of a file, or shared.
    private const long PagemapFile = 4;

    // What a reader can take in; lists that have fallen apart are longer.
    private const int MostAreas = 12;

    private readonly long[] _counters = new long[Enum.GetValues<TraceCounter>().Length];

    /// <summary>What differed only in what is skipped, since the last <see cref="Reset"/>.</summary>
    public SkippedComparisons SkippedDifferences { get; private set; }

    /// <summary>What differed, since the last <see cref="Reset"/>.</summary>
    public List<string> Differences { get; } = [];

    /// <summary>Starts with the next line.</summary>
    public void Reset()
    {
        Differences.Clear();
        SkippedDifferences = SkippedComparisons.None;
    }

    /// <summary>Compares areas and counters of a process.</summary>
    public void Compare(ReplayProcess process, ProcessState state, string prefix)
    {
        if (process.Task is null)
        {
            Differences.Add($"{prefix}process {process.Index} was not forked");
            return;
        }

        // What agreed, and has changed on neither side, agrees.
        AreaStamp now = AreaStamp.Of(process, process.Task.Mm);
        if (process.AgreedAt != now)
        {
            bool agrees = state.IsAsRecorded(process, process.Task.Mm);
            process.AgreedAt = agrees ? now : null;
            if (!agrees)
            {
                state.ReadAreas(process.Task.Mm, process.Areas);
                CompareAreas(process.ExpectedAreas, process.Areas, process.AreasBefore, prefix);
            }
        }

        ProcessState.ReadCounters(process.Task.Mm, _counters);
        CompareCounters(process.ExpectedCounters, _counters, prefix);
    }

    /// <summary>Compares an answer.</summary>
    /// <param name="op">The call and its recorded answer.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="pages">What mincore or pagemap was recorded to say.</param>
    public void Compare(in TraceOp op, in CallAnswer answer, ReadOnlySpan<long> pages)
    {
        if (answer.Result != op.Result) Differences.Add($"result: expected {op.Result}, actual {answer.Result}");
        if (answer.ReadByte != op.ReadByte) Differences.Add($"byte read: expected {Shown(op.ReadByte)}, actual {Shown(answer.ReadByte)}");
        if (pages.SequenceEqual(answer.Pages)) return;
        long[] actual = answer.Pages ?? [];
        for (int i = 0; i < Math.Max(pages.Length, actual.Length); i++)
        {
            string expectedPage = i < pages.Length ? $"{pages[i]}" : "none", actualPage = i < actual.Length ? $"{actual[i]}" : "none";
            if (expectedPage == actualPage) continue;
            bool ofFile = i < pages.Length && i < actual.Length && op.Call == TraceCall.Pagemap && ((pages[i] | actual[i]) & PagemapFile) != 0;
            if (IsSkipped(ofFile ? SkippedComparisons.FaultAround | SkippedComparisons.Resident : SkippedComparisons.Resident)) continue;
            Differences.Add($"page {i}: expected {expectedPage}, actual {actualPage}");
        }
    }

    private static string Shown(int value) => value < 0 ? "none" : $"0x{value:x2}";

    private void CompareCounters(ReadOnlySpan<long> expected, ReadOnlySpan<long> actual, string prefix)
    {
        if (expected.SequenceEqual(actual)) return;
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] == actual[i]) continue;
            var counter = (TraceCounter)i;
            SkippedComparisons kind = counter switch
            {
                TraceCounter.VmPeak => SkippedComparisons.Peak,
                TraceCounter.VmPTE => SkippedComparisons.TableBytes | SkippedComparisons.Resident,
                TraceCounter.RssFile or TraceCounter.RssShmem => SkippedComparisons.FaultAround | SkippedComparisons.Resident,
                TraceCounter.RssAnon => SkippedComparisons.Resident,
                _ => SkippedComparisons.None,
            };
            if (IsSkipped(kind)) continue;
            Differences.Add($"{prefix}{counter}: expected {expected[i]}, actual {actual[i]}");
        }
    }

    private void CompareAreas(List<TraceArea> expected, List<TraceArea> actual, List<TraceArea> before, string prefix)
    {
        int same = 0;
        int shorter = Math.Min(expected.Count, actual.Count);
        while (same < shorter && AreSame(expected[same], actual[same])) same++;
        if (same == expected.Count && same == actual.Count) return;
        int tail = 0;
        while (tail < shorter - same && AreSame(expected[^(tail + 1)], actual[^(tail + 1)])) tail++;
        ulong low = Math.Min(same < expected.Count ? expected[same].Start : ulong.MaxValue, same < actual.Count ? actual[same].Start : ulong.MaxValue);
        ulong high = Math.Max(tail < expected.Count ? expected[^(tail + 1)].End : 0, tail < actual.Count ? actual[^(tail + 1)].End : 0);
        List("  before   ", before.Where(a => a.End >= low && a.Start <= high), prefix);
        List("- expected ", expected.Skip(same).SkipLast(tail), prefix);
        List("+ actual   ", actual.Skip(same).SkipLast(tail), prefix);
    }

    private void List(string what, IEnumerable<TraceArea> areas, string prefix)
    {
        int shown = 0;
        foreach (TraceArea area in areas)
        {
            if (shown++ == MostAreas)
            {
                Differences.Add($"{prefix}{what}and more");
                return;
            }

            Differences.Add($"{prefix}{what}{area}");
        }
    }

    private bool AreSame(in TraceArea expected, in TraceArea actual)
    {
        if (expected == actual) return true;
        if (expected with { Rss = 0, Anonymous = 0 } != actual with { Rss = 0, Anonymous = 0 }) return false;
        // Anonymous pages are never a matter of what the page cache held.
        bool ofFile = expected.Name.Length > 0 && expected.Name[0] != '[' && expected.Anonymous == actual.Anonymous;
        return IsSkipped(ofFile ? SkippedComparisons.FaultAround | SkippedComparisons.Resident : SkippedComparisons.Resident);
    }

    private bool IsSkipped(SkippedComparisons kind)
    {
        SkippedDifferences |= kind & skipped;
        return (kind & skipped) != 0;
    }
}
