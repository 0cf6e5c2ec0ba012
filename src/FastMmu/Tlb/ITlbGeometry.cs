namespace FastMmu.Tlb;

/// <summary>
/// The geometry of a whole TLB, as a type argument: a struct without fields whose properties are constants, so that every
/// instantiation is compiled for its own sets and ways.
/// </summary>
/// <example>
/// <code>
/// using TranslationCache tlb = TranslationCache.Create&lt;Tiny&gt;();
/// Console.WriteLine(tlb.Arrays[0]);               // L1 data: 8 entries, fully associative, All
/// Console.WriteLine(tlb.Arrays.Count);            // 3
///
/// public readonly struct Tiny : ITlbGeometry
/// {
///     public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(8, TlbPages.All));
///     public static TlbLevelShape Instruction => new(TlbArrayShape.FullyAssociative(4, TlbPages.All));
///     public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(64, 4, TlbPages.Size4K | TlbPages.Large));
///     public static TlbLevelShape SecondInstruction => TlbLevelShape.None;
///     public static bool Unified => true;
/// }
/// </code>
/// </example>
public interface ITlbGeometry
{
    /// <summary>The first level for data.</summary>
    static abstract TlbLevelShape Data { get; }

    /// <summary>The first level for fetches; <see cref="TlbLevelShape.None"/> if fetches go through <see cref="Data"/> as well.</summary>
    static abstract TlbLevelShape Instruction { get; }

    /// <summary>The second level for data, or <see cref="TlbLevelShape.None"/>.</summary>
    static abstract TlbLevelShape SecondData { get; }

    /// <summary>The second level for fetches; <see cref="TlbLevelShape.None"/> if there is none or fetches share <see cref="SecondData"/>.</summary>
    static abstract TlbLevelShape SecondInstruction { get; }

    /// <summary>Whether fetches go through <see cref="SecondData"/>.</summary>
    static abstract bool Unified { get; }
}
