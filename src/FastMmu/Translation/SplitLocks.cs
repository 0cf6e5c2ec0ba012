namespace FastMmu;

/// <summary>What an atomic access does that crosses a line of 64 bytes: a split lock.</summary>
public enum SplitLocks
{
    /// <summary>
    /// It is done, atomic against all others that cross a multiple of eight bytes, over the same memory. Against aligned accesses to one of its parts it is not, where a
    /// processor that locks its bus is.
    /// </summary>
    Emulate = 0,

    /// <summary>#AC(0) at any CPL, as with split-lock detection. Source: Intel SDM vol. 3A, "Features to Disable Bus Locks" (10.1.2.3).</summary>
    AlignmentCheck = 1,
}
