namespace FastMmu.Tlb;

/// <summary>Counts nothing.</summary>
public readonly struct NoTlbStatistics : ITlbStatisticsMode
{
    /// <inheritdoc/>
    public static bool Counts => false;
}
