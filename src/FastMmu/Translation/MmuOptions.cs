using FastMmu.Batch;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>How an <see cref="Mmu"/> is built. None of it changes what a translation answers once stale entries are invalidated as the architecture asks.</summary>
public sealed record MmuOptions
{
    /// <summary>The defaults: the TLB of a Zen 4 with tree-PLRU replacement, paging-structure caches, no statistics.</summary>
    public static MmuOptions Default { get; } = new();

    /// <summary>
    /// Whose TLB; <see cref="TlbPreset.None"/>, without a <see cref="TlbFactory"/>, walks the tables every time: the fast table in front is off too.
    /// </summary>
    public TlbPreset Tlb { get; init; } = TlbPreset.Zen4;

    /// <summary>Makes a TLB of your own geometry instead of a preset; called once for each <see cref="Mmu"/>, which then owns it.</summary>
    public Func<TranslationCache>? TlbFactory { get; init; }

    /// <summary>Which entry of a full set goes.</summary>
    public ReplacementKind Replacement { get; init; } = ReplacementKind.TreePlru;

    /// <summary>The paging-structure caches; <see cref="PagingStructureGeometry.None"/> begins every walk at the root.</summary>
    public PagingStructureGeometry PagingStructures { get; init; } = PagingStructureGeometry.Default;

    /// <summary>
    /// Whether hits, misses, evictions, walks and entries read are counted. When on, the fast table is off, so that the TLB sees every access; when
    /// off, the fast table does the TLB's work, and counting costs nothing.
    /// </summary>
    public bool Statistics { get; init; }

    /// <summary>The reading of the batch algorithm; one that the processor does not have is refused by the constructor.</summary>
    public BatchKernel Kernel { get; init; } = BatchKernels.Default;

    /// <summary>
    /// How many lanes of batches may miss in the fast table before batches walk instead: as many as it has slots tell that pages do not come back
    /// soon. Tests take fewer.
    /// </summary>
    internal int ProbeBudget { get; init; } = FastTable.Slots;

    /// <summary>What atomic accesses do that cross a line of 64 bytes.</summary>
    public SplitLocks SplitLocks { get; init; }

    /// <summary>Seed of random replacement.</summary>
    public ulong Seed { get; init; } = 1;
}
