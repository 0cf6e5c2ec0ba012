namespace FastMmu.Reference;

/// <summary>Where a recorded row ended.</summary>
public enum PagingVectorStage
{
    /// <summary>The access was made.</summary>
    Done,

    /// <summary>The access faulted.</summary>
    Access,

    /// <summary>The first MOV to CR3 faulted: a PDPTE was bad.</summary>
    LoadCr3,

    /// <summary>The second MOV to a control register faulted: a PDPTE was bad; the old ones stay.</summary>
    Reload,
}
