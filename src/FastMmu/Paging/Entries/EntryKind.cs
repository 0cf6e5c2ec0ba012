namespace FastMmu.Paging.Entries;

/// <summary>What a paging-structure entry is, to the processor.</summary>
public enum EntryKind : byte
{
    /// <summary>P=0: all other bits are software's.</summary>
    NotPresent = 0,

    /// <summary>Leads to a table of the next lower level.</summary>
    Table,

    /// <summary>Maps a page.</summary>
    Leaf,

    /// <summary>Present with a reserved bit set: every access through it faults.</summary>
    Malformed,
}
