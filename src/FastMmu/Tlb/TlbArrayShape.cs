namespace FastMmu.Tlb;

/// <summary>The shape of one array of a TLB.</summary>
/// <param name="Sets">Number of sets, a power of two; 1 makes the array fully associative; 0 is no array.</param>
/// <param name="Ways">Entries a set, 1 to <see cref="MaxWays"/>; any number.</param>
/// <param name="Pages">The page sizes it holds. The set is chosen by the low bits of the page number of the size looked for.</param>
public readonly record struct TlbArrayShape(int Sets, int Ways, TlbPages Pages)
{
    /// <summary>The most ways that a set may have: an age fits a byte and 255 is nobody's.</summary>
    public const int MaxWays = 255;

    /// <summary>No array.</summary>
    public static TlbArrayShape None => default;

    /// <summary>How many translations fit.</summary>
    public int Capacity => Sets * Ways;

    /// <summary>An array of one set.</summary>
    /// <param name="entries">How many translations fit, 1 to <see cref="MaxWays"/>.</param>
    /// <param name="pages">The page sizes it holds.</param>
    /// <example><code>
    /// Console.WriteLine(TlbArrayShape.FullyAssociative(72, TlbPages.All).Ways);      // 72
    /// </code></example>
    public static TlbArrayShape FullyAssociative(int entries, TlbPages pages) => new(1, entries, pages);

    /// <summary>An array of <paramref name="entries"/> in sets of <paramref name="ways"/>.</summary>
    /// <param name="entries">How many translations fit.</param>
    /// <param name="ways">Entries a set; <paramref name="entries"/> / <paramref name="ways"/> must be a power of two.</param>
    /// <param name="pages">The page sizes it holds.</param>
    /// <example><code>
    /// Console.WriteLine(TlbArrayShape.SetAssociative(3072, 12, TlbPages.Size4K).Sets);      // 256
    /// </code></example>
    public static TlbArrayShape SetAssociative(int entries, int ways, TlbPages pages) => new(entries / ways, ways, pages);

    /// <summary><c>1536 entries, 12-way, Size4K, Large</c>.</summary>
    public override string ToString() =>
        Sets == 0 ? "none" : $"{Capacity} {(Capacity == 1 ? "entry" : "entries")}, {(Sets == 1 ? "fully associative" : $"{Ways}-way")}, {Pages}";
}
