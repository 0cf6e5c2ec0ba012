namespace FastMmu.Tlb;

/// <summary>Intel 80386: one array of 32 entries for everything; the page translation cache of the first x86 with paging.</summary>
/// <remarks>
/// The 80386 knows 4-KiB pages only; here any page may use the array, so that it serves every mode.
/// Source: <see cref="TlbPresets.SourceOf"/>.
/// </remarks>
public readonly struct Intel80386Tlb : ITlbGeometry
{
    /// <inheritdoc/>
    public static TlbLevelShape Data => new(TlbArrayShape.SetAssociative(32, 4, TlbPages.All));

    /// <inheritdoc/>
    public static TlbLevelShape Instruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static TlbLevelShape SecondData => TlbLevelShape.None;

    /// <inheritdoc/>
    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    /// <inheritdoc/>
    public static bool Unified => false;
}
