namespace FastMmu.Tlb;

/// <summary>
/// Who has cached translations and drops what an <see cref="Invalidation"/> names: an <see cref="Mmu"/>, a <see cref="SoftTlb"/>, or a cache of the embedder's own, of translated
/// code or of a device's addresses. A <see cref="MmuGroup"/> asks it on the thread that drives it.
/// </summary>
public interface IInvalidationTarget
{
    /// <summary>Drops what an invalidation names; more than that is allowed. It must not throw.</summary>
    /// <param name="what">What.</param>
    void Invalidate(in Invalidation what);
}
