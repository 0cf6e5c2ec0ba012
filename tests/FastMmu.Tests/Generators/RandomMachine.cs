using System.Text;
using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Generators;

/// <summary>A processor with its registers, the paging structures in its memory, and the accesses that it makes.</summary>
internal sealed record RandomMachine(PagingState State, IReadOnlyList<TableWord> Words, IReadOnlyList<ReferenceAccess> Accesses)
{
    /// <summary>Batches that it translates.</summary>
    public IReadOnlyList<TlbStep.Batch> Batches { get; init; } = [];

    /// <summary>Bytes that it reads and writes.</summary>
    public IReadOnlyList<ByteTransfer> Transfers { get; init; } = [];

    public override string ToString()
    {
        var text = new StringBuilder().AppendLine(RegisterChoice.Describe(State));
        Listing.Append(text, Words);
        Listing.Append(text, Accesses);
        Listing.Append(text, Batches);
        Listing.Append(text, Transfers);
        return text.ToString();
    }
}
