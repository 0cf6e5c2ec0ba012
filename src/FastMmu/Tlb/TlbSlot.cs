namespace FastMmu.Tlb;

/// <summary>A translation and the place in a TLB that holds it.</summary>
/// <param name="Array">Index into <see cref="TranslationCache.Arrays"/>.</param>
/// <param name="Set">The set within the array.</param>
/// <param name="Way">The way within the set.</param>
/// <param name="Entry">The translation.</param>
public readonly record struct TlbSlot(int Array, int Set, int Way, TlbEntry Entry);
