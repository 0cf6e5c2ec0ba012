namespace FastMmu.Tlb;

/// <summary>Intel Golden Cove: 96 entries for data, 256 for code, 2048 behind both.</summary>
/// <remarks>
/// The separate 16 entries for stores are not modelled: stores use those of loads. 1-GiB pages of code, which have no entries of
/// their own, share those of the large pages. Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct GoldenCoveTlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(
        TlbArrayShape.SetAssociative(96, 6, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(32, 4, TlbPages.Large),
        TlbArrayShape.FullyAssociative(8, TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => new(
        TlbArrayShape.SetAssociative(256, 8, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(32, 8, TlbPages.Large | TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(2048, 16, TlbPages.All));

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static bool Unified => true;
}
