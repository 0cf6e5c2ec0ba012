namespace FastMmu.Tlb;

/// <summary>What has cached translations.</summary>
internal interface IInvalidationTarget
{
    /// <summary>Drops what an invalidation names.</summary>
    void Drop(in Invalidation what);
}
