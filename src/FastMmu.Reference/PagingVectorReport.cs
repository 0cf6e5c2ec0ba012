using System.Text;

namespace FastMmu.Reference;

/// <summary>What a run of <see cref="Conformance.RunVectors(IMmuUnderTest, string, PagingVectorOptions)"/> found in one file.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Checked">How many rows were put to the unit and judged.</param>
/// <param name="LeftOut">How many do not fit the unit: its memory, its processor, or that it executes no instructions.</param>
/// <param name="Mismatched">In how many of those checked something differs.</param>
/// <param name="Mismatches">The first of these.</param>
public sealed record PagingVectorReport(string File, long Checked, long LeftOut, long Mismatched, IReadOnlyList<PagingVectorMismatch> Mismatches)
{
    /// <summary>Whether rows were checked, and all of them agree.</summary>
    public bool Passed => Checked > 0 && Mismatched == 0;

    /// <summary>One line, and below it the mismatches.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append($"{File}: {Checked} checked, {LeftOut} left out, {Mismatched} mismatched");
        foreach (PagingVectorMismatch mismatch in Mismatches) text.AppendLine().AppendLine().Append(mismatch.ToString().TrimEnd());
        return text.ToString();
    }
}
