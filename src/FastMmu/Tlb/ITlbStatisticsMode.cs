namespace FastMmu.Tlb;

/// <summary>Whether a TLB counts what it does, as a type argument: where it does not, no instruction is left of the counting.</summary>
public interface ITlbStatisticsMode
{
    /// <summary>Whether to count.</summary>
    static abstract bool Counts { get; }
}

/// <summary>Counts nothing.</summary>
public readonly struct NoTlbStatistics : ITlbStatisticsMode
{
    /// <inheritdoc/>
    public static bool Counts => false;
}

/// <summary>Counts hits, misses, insertions and evictions.</summary>
public readonly struct CountTlbStatistics : ITlbStatisticsMode
{
    /// <inheritdoc/>
    public static bool Counts => true;
}
