namespace FastMmu.Tlb;

/// <summary>Intel Sandy Bridge: split first level, second level for 4-KiB pages only.</summary>
/// <remarks>
/// 1-GiB pages of code, which the manual gives no entries, share those of the large pages.
/// Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct SandyBridgeTlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(
        TlbArrayShape.SetAssociative(64, 4, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(32, 4, TlbPages.Large),
        TlbArrayShape.FullyAssociative(4, TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => new(
        TlbArrayShape.SetAssociative(128, 4, TlbPages.Size4K),
        TlbArrayShape.FullyAssociative(8, TlbPages.Large | TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(512, 4, TlbPages.Size4K));

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static bool Unified => true;
}
