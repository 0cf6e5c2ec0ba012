namespace FastMmu.Cli.Images.Judging;

/// <summary>A recorded answer that the engine does not give.</summary>
/// <param name="Place">File and line of the answer, or the file that lacks one.</param>
/// <param name="Question">What was asked.</param>
/// <param name="Expected">The recorded answer.</param>
/// <param name="Actual">The engine's.</param>
internal sealed record Mismatch(string Place, string Question, string Expected, string Actual)
{
    /// <summary>One line: <c>FILE:LINE: question: expected …, got …</c>.</summary>
    public override string ToString() => $"{Place}: {Question}: expected {Expected}, got {Actual}";
}
