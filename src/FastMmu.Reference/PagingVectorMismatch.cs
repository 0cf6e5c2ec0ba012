using System.Text;

namespace FastMmu.Reference;

/// <summary>A recorded row that a unit answers otherwise.</summary>
/// <param name="Row">The row, as it was put to the unit: with its tables moved, if they were.</param>
/// <param name="Differences">What differs, one text a column: <c>errcode: expected 7, actual 3</c>.</param>
/// <param name="Rule">The rule of the manual that was broken; null where the recorded answer is not the manual's, so that none speaks for it.</param>
public sealed record PagingVectorMismatch(PagingVector Row, IReadOnlyList<string> Differences, ManualRule? Rule)
{
    /// <summary>The row's line and name, the rule, what differs, and the row as a case.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append($"line {Row.Line}, row {Row.Id}: ").AppendLine(Rule?.ToString() ?? "the manual has another answer than the row");
        foreach (string difference in Differences) text.Append("  ").AppendLine(difference);
        return text.Append(Row.ToCase()).ToString();
    }
}
