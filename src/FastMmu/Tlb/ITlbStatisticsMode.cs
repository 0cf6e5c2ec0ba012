namespace FastMmu.Tlb;

/// <summary>Whether a TLB counts what it does, as a type argument: where it does not, no instruction is left of the counting.</summary>
public interface ITlbStatisticsMode
{
    /// <summary>Whether to count.</summary>
    static abstract bool Counts { get; }
}
