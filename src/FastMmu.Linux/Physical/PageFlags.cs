namespace FastMmu.Linux.Physical;

/// <summary>The flags of a physical page (page->flags), with the bit numbers of the kernel, and above them what the allocator knows.</summary>
/// <remarks>
/// <code>
///   31  30  29  28 27    24 23                                                   0
/// +---+---+---+---+--------+------------------------------------------------------+
/// | M | T | P | B | order  | idle young hwpoison mlocked ... dirty uptodate locked |
/// +---+---+---+---+--------+------------------------------------------------------+
///   M movable   T tail of a compound page   P page table   B free, in the buddy lists
/// </code>
/// Source: include/linux/page-flags.h of Linux 6.18. The kernel keeps order and kind in other words of its struct page.
/// </remarks>
[Flags]
public enum PageFlags : uint
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>Somebody works on it.</summary>
    Locked = 1 << 0,

    /// <summary>It is being written to its file.</summary>
    Writeback = 1 << 1,

    /// <summary>It was used lately.</summary>
    Referenced = 1 << 2,

    /// <summary>It holds what its file holds.</summary>
    UpToDate = 1 << 3,

    /// <summary>It holds what its file does not.</summary>
    Dirty = 1 << 4,

    /// <summary>It is on a list of the page reclaim.</summary>
    Lru = 1 << 5,

    /// <summary>The first page of a compound page.</summary>
    Head = 1 << 6,

    /// <summary>Somebody waits for it.</summary>
    Waiters = 1 << 7,

    /// <summary>It is on the active list.</summary>
    Active = 1 << 8,

    /// <summary>It belongs to the working set.</summary>
    Workingset = 1 << 9,

    /// <summary>The owner's; of a file, that it was checked.</summary>
    OwnerPrivate1 = 1 << 10,

    /// <summary>The owner's second.</summary>
    Owner2 = 1 << 11,

    /// <summary>The architecture's.</summary>
    Arch1 = 1 << 12,

    /// <summary>Never handed out: kernel image, firmware, the page descriptors themselves.</summary>
    Reserved = 1 << 13,

    /// <summary>The file system keeps something with it.</summary>
    Private = 1 << 14,

    /// <summary>The file system keeps something else with it.</summary>
    Private2 = 1 << 15,

    /// <summary>It is to be reclaimed soon.</summary>
    Reclaim = 1 << 16,

    /// <summary>Swap stands behind it: anonymous and shared-memory pages.</summary>
    SwapBacked = 1 << 17,

    /// <summary>It may not be reclaimed.</summary>
    Unevictable = 1 << 18,

    /// <summary>It leaves the page cache once it is written.</summary>
    DropBehind = 1 << 19,

    /// <summary>Some area that shows it is locked.</summary>
    MLocked = 1 << 20,

    /// <summary>The memory is damaged.</summary>
    HwPoison = 1 << 21,

    /// <summary>Used since the last look (page idle tracking).</summary>
    Young = 1 << 22,

    /// <summary>Unused since the last look.</summary>
    Idle = 1 << 23,

    /// <summary>Order of the free or allocated block of which this is the first page: four bits.</summary>
    OrderMask = 0xFu << 24,

    /// <summary>The first page of a block in the free lists.</summary>
    Buddy = 1u << 28,

    /// <summary>A table of the page tables.</summary>
    Table = 1u << 29,

    /// <summary>A page of a compound page other than its first.</summary>
    Tail = 1u << 30,

    /// <summary>Handed out as movable: the kernel could give its contents another place.</summary>
    MovableAllocation = 1u << 31,
}
