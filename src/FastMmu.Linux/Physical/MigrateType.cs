namespace FastMmu.Linux.Physical;

/// <summary>Whether the contents of a page can move: pages of one kind are kept together, two MiB by two MiB, so that large blocks stay whole.</summary>
public enum MigrateType
{
    /// <summary>The kernel points at it.</summary>
    Unmovable = 0,

    /// <summary>Only page tables and the page cache point at it.</summary>
    Movable = 1,

    /// <summary>Caches that shrink on demand.</summary>
    Reclaimable = 2,

    /// <summary>Kept back for urgent requests for more than one page.</summary>
    HighAtomic = 3,

    /// <summary>Being emptied.</summary>
    Isolate = 4,
}
