namespace FastMmu.Tlb;

/// <summary>Intel Skylake: the arrays of Haswell, and a second level of 1536 entries with 16 more for 1-GiB pages.</summary>
/// <remarks>
/// 1-GiB pages of code, which the manual gives no entries, share those of the large pages.
/// Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct SkylakeTlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(
        TlbArrayShape.SetAssociative(64, 4, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(32, 4, TlbPages.Large),
        TlbArrayShape.FullyAssociative(4, TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => new(
        TlbArrayShape.SetAssociative(128, 8, TlbPages.Size4K),
        TlbArrayShape.FullyAssociative(8, TlbPages.Large | TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => new(
        TlbArrayShape.SetAssociative(1536, 12, TlbPages.Size4K | TlbPages.Large),
        TlbArrayShape.SetAssociative(16, 4, TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static bool Unified => true;
}
