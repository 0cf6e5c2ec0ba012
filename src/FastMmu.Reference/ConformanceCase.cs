using System.Text;
using FastMmu.Processor;
using FastMmu.Reference.Generation;

namespace FastMmu.Reference;

/// <summary>A machine with page tables in its memory, and what happens to it.</summary>
/// <param name="State">Registers and features. PDPTE registers are loaded from memory when the case begins.</param>
/// <param name="Words">The entries of its paging structures; all other memory holds zeros.</param>
/// <param name="Steps">What happens, in this order. A register write that would be refused, or would change the paging mode, is passed over.</param>
public sealed record ConformanceCase(PagingState State, IReadOnlyList<TableWord> Words, IReadOnlyList<ConformanceStep> Steps)
{
    /// <summary>Registers, entries, and after a line <c>then</c> the steps.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().AppendLine(RegisterChoice.Describe(State));
        Listing.Append(text, Words);
        text.AppendLine("then");
        Listing.Append(text, Steps);
        return text.ToString();
    }
}
