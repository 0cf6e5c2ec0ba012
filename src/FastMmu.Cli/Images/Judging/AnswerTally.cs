namespace FastMmu.Cli.Images.Judging;

/// <summary>How the answers of one kind came out.</summary>
/// <param name="kind">The kind: <c>queries</c>, <c>mappings</c>, ….</param>
internal sealed class AnswerTally(string kind)
{
    /// <summary>The kind of answers.</summary>
    public string Kind => kind;

    /// <summary>Comparisons made.</summary>
    public long Checked { get; set; }

    /// <summary>Comparisons that failed.</summary>
    public long Mismatched { get; set; }

    /// <summary>How long it took, reading the file included.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>What was done, in a few words.</summary>
    public string Remark { get; set; } = "";
}
