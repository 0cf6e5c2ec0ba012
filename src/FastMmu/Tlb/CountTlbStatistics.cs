namespace FastMmu.Tlb;

/// <summary>Counts hits, misses, insertions and evictions.</summary>
public readonly struct CountTlbStatistics : ITlbStatisticsMode
{
    /// <inheritdoc/>
    public static bool Counts => true;
}
