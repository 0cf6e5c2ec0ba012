using FastMmu.Processor;

namespace FastMmu.Reference.Judging;

/// <summary>Processors that forget less than they must: one for each thing that drops translations, and one that never forgets.</summary>
internal sealed class StaleCaches(IReferenceMemory memory)
{
    private static readonly CacheDrops[] s_causes =
    [
        CacheDrops.InvalidatePage, CacheDrops.InvalidateProcessContext, CacheDrops.WriteCr3, CacheDrops.WriteControlRegister, CacheDrops.PageFault, CacheDrops.All,
    ];

    private readonly ReferenceTlb[] _tlbs = [.. s_causes.Select(cause => new ReferenceTlb(memory) { Drops = CacheDrops.All & ~cause })];

    /// <summary>Does with each what happens to the processor.</summary>
    public void Each(Action<ReferenceTlb> happens)
    {
        foreach (ReferenceTlb tlb in _tlbs) happens(tlb);
    }

    /// <summary>What an answer cannot have heard of; none if it would be wrong even so.</summary>
    public CacheDrops DropThatForbids(PagingState state, ReferenceAccess access, ObservedAnswer answer)
    {
        int first = Array.FindIndex(_tlbs, tlb => tlb.Permits(state, access, answer).IsPermitted);
        return first < 0 ? CacheDrops.None : s_causes[first];
    }
}
