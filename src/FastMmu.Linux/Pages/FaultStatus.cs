namespace FastMmu.Linux.Pages;

/// <summary>What became of a fault inside an area (vm_fault_t).</summary>
internal enum FaultStatus
{
    /// <summary>The access can be tried again.</summary>
    Resolved,

    /// <summary>There is no such page: behind the end of a file.</summary>
    BusError,

    /// <summary>The page must not be touched: a guard region.</summary>
    SegmentationFault,

    /// <summary>Memory is used up.</summary>
    OutOfMemory,
}
