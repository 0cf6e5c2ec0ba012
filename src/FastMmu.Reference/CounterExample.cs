using System.Text;

namespace FastMmu.Reference;

/// <summary>A case that the unit under test answers as no processor may, made as small as it still is wrong.</summary>
/// <param name="Case">The case; its last step is the one that went wrong.</param>
/// <param name="Rule">The rule of the manual that was broken.</param>
/// <param name="Mistake">What the unit answered, and what the architecture permits.</param>
/// <param name="Found">The number of the generated case that this was made from, counted from 0: see <see cref="Conformance.Cases"/>.</param>
public sealed record CounterExample(ConformanceCase Case, ManualRule Rule, string Mistake, long Found)
{
    /// <summary>The rule, the case, and the mistake.</summary>
    public override string ToString() =>
        new StringBuilder().Append(Rule).AppendLine().Append(Case).Append("the last step: ").AppendLine(Mistake).ToString();
}
