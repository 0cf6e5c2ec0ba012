namespace FastMmu.Reference;

/// <summary>Whether an answer is one that the architecture permits.</summary>
/// <param name="IsPermitted">Whether it is.</param>
/// <param name="Explanation">
/// Where a processor can have it from; or, if it is not permitted, every answer that would have been, each with what is different about it.
/// </param>
public readonly record struct Verdict(bool IsPermitted, string Explanation)
{
    /// <summary>The explanation, after <c>permitted</c> or <c>not permitted</c>.</summary>
    public override string ToString() => $"{(IsPermitted ? "permitted" : "not permitted")}: {Explanation}";
}
