namespace FastMmu.Linux.Physical;

/// <summary>How pages are asked for (gfp_t), with the bit numbers of Linux 6.18: which zones, which kind, how urgently, zeroed or not.</summary>
/// <remarks>Bits about reclaim are accepted and mean how deep into the reserves a request may go: there is nothing here that could be reclaimed.</remarks>
[Flags]
public enum GfpFlags : uint
{
    /// <summary>From <see cref="ZoneType.Normal"/> or below, unmovable, without waiting.</summary>
    None = 0,

    /// <summary>From <see cref="ZoneType.Dma"/>.</summary>
    Dma = 1 << 0,

    /// <summary>From <see cref="ZoneType.HighMem"/> or below.</summary>
    HighMem = 1 << 1,

    /// <summary>From <see cref="ZoneType.Dma32"/> or below.</summary>
    Dma32 = 1 << 2,

    /// <summary>Movable; with <see cref="HighMem"/> from <see cref="ZoneType.Movable"/> or below.</summary>
    Movable = 1 << 3,

    /// <summary>Part of a cache that shrinks on demand.</summary>
    Reclaimable = 1 << 4,

    /// <summary>Half of the <see cref="Watermark.Min"/> reserve may be used.</summary>
    High = 1 << 5,

    /// <summary>May start input and output.</summary>
    Io = 1 << 6,

    /// <summary>May call into file systems.</summary>
    Fs = 1 << 7,

    /// <summary>All bytes zero.</summary>
    Zero = 1 << 8,

    /// <summary>May wait for reclaim; one that may not has more of the reserve with <see cref="High"/>.</summary>
    DirectReclaim = 1 << 10,

    /// <summary>Wakes kswapd.</summary>
    KswapdReclaim = 1 << 11,

    /// <summary>The page will be written to.</summary>
    Write = 1 << 12,

    /// <summary>The whole reserve may be used: the request frees memory.</summary>
    MemAlloc = 1 << 17,

    /// <summary>More than one page as a compound page: the later ones know the first.</summary>
    Comp = 1 << 18,

    /// <summary>Never the reserve.</summary>
    NoMemAlloc = 1 << 19,

    /// <summary>Only from the nodes the task may use.</summary>
    HardWall = 1 << 20,

    /// <summary>Charged to the task's control group.</summary>
    Account = 1 << 22,

    /// <summary>GFP_KERNEL: the kernel's own memory.</summary>
    Kernel = DirectReclaim | KswapdReclaim | Io | Fs,

    /// <summary>GFP_ATOMIC: may not wait.</summary>
    Atomic = High | KswapdReclaim,

    /// <summary>GFP_USER: a user's, which the kernel touches directly.</summary>
    User = Kernel | HardWall,

    /// <summary>GFP_HIGHUSER: a user's, in any zone.</summary>
    HighUser = User | HighMem,

    /// <summary>GFP_HIGHUSER_MOVABLE: an anonymous page or a page of the page cache.</summary>
    HighUserMovable = HighUser | Movable,

    /// <summary>GFP_PGTABLE_USER: a table of a user's page tables.</summary>
    PageTable = Kernel | Zero | Account,
}
