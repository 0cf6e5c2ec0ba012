namespace FastMmu.Cli.ExecRecords;

/// <summary>What came of the recorded execve calls of a folder.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Outcomes">How many of each recorded result were checked.</param>
/// <param name="Compared">How many items of each kind were compared in them.</param>
/// <param name="Mismatches">Those that came out otherwise.</param>
internal sealed record ExecReport(
    string Path, IReadOnlyDictionary<string, int> Outcomes, IReadOnlyDictionary<string, long> Compared, IReadOnlyList<ExecMismatch> Mismatches)
{
    /// <summary>Records that were checked.</summary>
    public int Checked => Outcomes.Values.Sum();
}
