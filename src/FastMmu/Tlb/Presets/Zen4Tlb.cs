namespace FastMmu.Tlb;

/// <summary>AMD Zen 4: 72 entries for data, 3072 behind them.</summary>
/// <remarks>
/// The second levels cut 1-GiB pages into 2-MiB ones; here, where pages are kept whole, they do not hold them. Their hashed, skewed
/// sets are plain ones here. Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct Zen4Tlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(72, TlbPages.All));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => new(TlbArrayShape.FullyAssociative(64, TlbPages.All));

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(3072, 24, TlbPages.Size4K | TlbPages.Large));

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => new(TlbArrayShape.SetAssociative(512, 8, TlbPages.Size4K | TlbPages.Large));

    /// <inheritdoc/>
    public static bool Unified => false;
}
