using FastMmu.Tlb;

namespace FastMmu;

/// <summary>What one <see cref="Mmu"/> counted, if its options asked for statistics; else all zero.</summary>
/// <param name="Tlb">Hits, misses and evictions of the TLB.</param>
/// <param name="Walks">Page walks, those begun again included.</param>
/// <param name="EntriesRead">Paging-structure entries that the walks read; PDPTE registers count as read.</param>
/// <param name="PagingStructureHits">Walks that began below the root because a paging-structure cache knew the way.</param>
/// <param name="Faults">Walks that ended in a page fault.</param>
public readonly record struct MmuStatistics(TlbStatistics Tlb, ulong Walks, ulong EntriesRead, ulong PagingStructureHits, ulong Faults);
