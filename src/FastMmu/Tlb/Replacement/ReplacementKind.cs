namespace FastMmu.Tlb;

/// <summary>Which entry of a full set makes room for a new one.</summary>
public enum ReplacementKind
{
    /// <summary>The entry that was not used for longest (<see cref="Tlb.TrueLru"/>).</summary>
    TrueLru,

    /// <summary>The entry that a tree of one-bit choices points at (<see cref="Tlb.TreePlru"/>), as most processors do.</summary>
    TreePlru,

    /// <summary>Any entry (<see cref="RandomReplacement"/>).</summary>
    Random,
}
