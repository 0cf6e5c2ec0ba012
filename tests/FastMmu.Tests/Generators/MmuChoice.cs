using FastMmu.Batch;
using FastMmu.Tests.Tlb;
using FastMmu.Tlb;

namespace FastMmu.Tests.Generators;

/// <summary>How an MMU caches: a processor's TLB or a tiny one, how it replaces, what it remembers of tables, whether it counts.</summary>
/// <param name="Tlb">Name of a preset, or of a geometry of the tests.</param>
/// <param name="Replacement">Which entry goes.</param>
/// <param name="Structures">Entries of each paging-structure cache: 0, 1, or the default ones for anything else.</param>
/// <param name="Statistics">Whether hits are counted.</param>
/// <param name="Kernel">Which reading of the batch algorithm runs.</param>
/// <param name="ProbeBudget">After how many misses batches walk instead of probing.</param>
internal sealed record MmuChoice(string Tlb, ReplacementKind Replacement, int Structures, bool Statistics, BatchKernel Kernel, int ProbeBudget)
{
    /// <summary>The kernels that this processor can run.</summary>
    public static IReadOnlyList<BatchKernel> Kernels { get; } = [.. Enum.GetValues<BatchKernel>().Where(BatchKernels.IsAvailable)];

    private static readonly string[] s_tlbs =
        [.. Enum.GetNames<TlbPreset>(), nameof(SplitTlb), nameof(SharedSecondTlb), nameof(RoomyTlb), nameof(SplitTlb), nameof(SharedSecondTlb)];

    public static MmuChoice Any(EdgeRandom random) => new(
        random.Among(s_tlbs), random.Pick(ReplacementKind.TrueLru, ReplacementKind.TreePlru, ReplacementKind.Random), random.Pick(0, 1, 4), random.OneIn(6),
        random.Among(Kernels), random.Pick(1, 40, 1000));

    /// <summary>Choices with less that could be at fault.</summary>
    public IEnumerable<MmuChoice> Smaller()
    {
        if (Tlb != nameof(TlbPreset.None)) yield return this with { Tlb = nameof(TlbPreset.None) };
        if (Structures != 0) yield return this with { Structures = 0 };
        if (Kernel != BatchKernel.Scalar) yield return this with { Kernel = BatchKernel.Scalar };
        if (Statistics) yield return this with { Statistics = false };
    }

    public MmuOptions Options() => new()
    {
        Tlb = Enum.TryParse(Tlb, out TlbPreset preset) ? preset : TlbPreset.None,
        TlbFactory = Tlb switch
        {
            nameof(SplitTlb) => () => TranslationCache.Create<SplitTlb>(Replacement, Statistics),
            nameof(SharedSecondTlb) => () => TranslationCache.Create<SharedSecondTlb>(Replacement, Statistics),
            nameof(RoomyTlb) => () => TranslationCache.Create<RoomyTlb>(Replacement, Statistics),
            _ => null,
        },
        Replacement = Replacement,
        PagingStructures = Structures switch
        {
            0 => PagingStructureGeometry.None,
            1 => new(new(1, 1), new(1, 1), new(1, 1), new(1, 1)),
            _ => PagingStructureGeometry.Default,
        },
        Statistics = Statistics,
        Kernel = Kernel,
        ProbeBudget = ProbeBudget,
    };
}
