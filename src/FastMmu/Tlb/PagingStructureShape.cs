namespace FastMmu.Tlb;

/// <summary>The shape of one paging-structure cache.</summary>
/// <param name="Sets">Number of sets, a power of two; 0 is no cache.</param>
/// <param name="Ways">Entries a set, 1 to <see cref="TlbArrayShape.MaxWays"/>.</param>
public readonly record struct PagingStructureShape(int Sets, int Ways);
