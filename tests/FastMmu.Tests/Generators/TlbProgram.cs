using System.Text;
using FastMmu.Processor;

namespace FastMmu.Tests.Generators;

/// <summary>What a kernel and its programs do to a processor with caches.</summary>
internal sealed record TlbProgram(MmuChoice Choice, PagingState State, IReadOnlyList<TableWord> Words, IReadOnlyList<TlbStep> Steps)
{
    public override string ToString()
    {
        var text = new StringBuilder().AppendLine($"{Choice}").AppendLine(RegisterChoice.Describe(State));
        Listing.Append(text, Words);
        text.AppendLine("then");
        Listing.Append(text, Steps);
        return text.ToString();
    }
}
