namespace FastMmu.Tlb;

/// <summary>Intel Pentium: split arrays, and the first with room for 4-MiB pages.</summary>
/// <remarks>
/// Large pages of code share the array of small ones. 1-GiB pages, which it did not know, share the array of large ones.
/// Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct PentiumTlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(
        TlbArrayShape.SetAssociative(64, 4, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(8, 4, TlbPages.Large | TlbPages.Size1G));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => new(TlbArrayShape.SetAssociative(32, 4, TlbPages.All));

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => TlbLevelShape.None;

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static bool Unified => false;
}
