namespace FastMmu.Paging.Mapping;

/// <summary>How an operation on page tables ended. Anything but <see cref="Done"/> means that nothing was changed.</summary>
public enum MapResult : byte
{
    /// <summary>All of the range was changed.</summary>
    Done = 0,

    /// <summary>Map: an entry in the range is present.</summary>
    AlreadyMapped,

    /// <summary>Unmap, protect, split: nothing in the range is mapped. Gaps between mappings are no error.</summary>
    NotMapped,

    /// <summary>The allocator has too few frames for the tables that are needed.</summary>
    OutOfFrames,

    /// <summary>Part of the range is no linear address of the mode: not canonical, or above 4 GiB in a 32-bit mode.</summary>
    NotCanonical,

    /// <summary>
    /// A physical address is wider than an entry can say: MAXPHYADDR, or 32 bits in a 4-KiB leaf of two-level paging (also one that a split would need).
    /// </summary>
    PhysicalTooHigh,

    /// <summary>A table that must be read lies outside RAM, or an entry that leads to it has reserved bits set.</summary>
    MalformedTable,
}
