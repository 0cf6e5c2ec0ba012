using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>What an operation on page tables did, and what cached translations it made stale.</summary>
/// <param name="Result">Whether it was done; else nothing was changed.</param>
/// <param name="Bytes">Bytes of linear address space whose mapping was made, removed, changed or split.</param>
/// <param name="Invalidate">
/// The smallest range that holds every translation made stale, empty if none: every processor that uses these tables must invalidate
/// one address of each page in it (INVLPG), or everything. Freed tables are covered as well, since INVLPG drops the paging-structure caches.
/// </param>
public readonly record struct MapOutcome(MapResult Result, ulong Bytes = 0, LinearRange Invalidate = default)
{
    /// <summary>Whether the operation was done.</summary>
    public bool Ok => Result == MapResult.Done;

    /// <summary><c>Done, 2097152 bytes</c>, or the reason.</summary>
    public override string ToString() => Ok ? $"Done, {Bytes} bytes" : Result.ToString();
}
