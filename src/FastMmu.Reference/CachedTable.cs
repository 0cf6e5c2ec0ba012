namespace FastMmu.Reference;

/// <summary>A paging-structure-cache entry that a processor may hold: for all addresses of one region, the table to go on with.</summary>
/// <param name="Pcid">The process context that it was made in. There are no global entries of this kind.</param>
/// <param name="Region">The linear address of the region, shifted right by <paramref name="RegionBits"/>.</param>
/// <param name="RegionBits">Base-two logarithm of the region's size: what the entry that referred to the table translates.</param>
/// <param name="Position">The table, and the rights of the path to it.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Caches for Paging Structures" (4.10.3.1).</remarks>
internal readonly record struct CachedTable(int Pcid, ulong Region, int RegionBits, TablePosition Position)
{
    internal bool Covers(ulong linear) => linear >> RegionBits == Region;
}
