namespace FastMmu.Reference;

/// <summary>
/// Which page faults <see cref="ReferenceTlb"/> permits beyond those of a full walk of memory as it is now.
/// </summary>
/// <remarks>
/// Software that widens rights, or makes a page present, need not invalidate anything, at the price of a fault that is gone when the
/// access is tried again. An implementation may be better than that, and then wants to be held to it.
/// Source: Intel SDM vol. 3A, "Optional Invalidation" (4.10.4.3), "Delayed Invalidation" (4.10.4.4).
/// </remarks>
public enum SpuriousFaults
{
    /// <summary>Everything that the architecture permits: a fault may come from a cached translation, or from a walk that began at a cached table.</summary>
    All,

    /// <summary>A cached translation that forbids an access is not believed; a walk, which may begin at a cached table, decides.</summary>
    FromCachedTables,

    /// <summary>A fault is always that of a full walk.</summary>
    None,
}
