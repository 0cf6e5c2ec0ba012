namespace FastMmu.Cli.Images.Judging;

/// <summary>The outcome of comparing one guest's recorded answers.</summary>
/// <param name="mismatchesKept">How many mismatches are kept to be shown.</param>
internal sealed class GuestVerdict(int mismatchesKept)
{
    private readonly List<AnswerTally> _tallies = [];
    private readonly List<Mismatch> _mismatches = [];
    private readonly List<string> _notes = [];

    /// <summary>One tally for each kind of answers that the guest has.</summary>
    public IReadOnlyList<AnswerTally> Tallies => _tallies;

    /// <summary>The first mismatches.</summary>
    public IReadOnlyList<Mismatch> Mismatches => _mismatches;

    /// <summary>What could not be checked, and why.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>All comparisons.</summary>
    public long Checked => _tallies.Sum(t => t.Checked);

    /// <summary>All failed comparisons.</summary>
    public long Mismatched => _tallies.Sum(t => t.Mismatched);

    /// <summary>Opens the tally of a kind of answers.</summary>
    public AnswerTally Open(string kind)
    {
        var tally = new AnswerTally(kind);
        _tallies.Add(tally);
        return tally;
    }

    /// <summary>Counts a mismatch, and keeps it if there is room.</summary>
    public void Refuse(AnswerTally tally, string place, string question, string expected, string actual)
    {
        tally.Mismatched++;
        if (_mismatches.Count < mismatchesKept) _mismatches.Add(new(place, question, expected, actual));
    }

    /// <summary>Says what could not be checked.</summary>
    public void Note(string text) => _notes.Add(text);
}
