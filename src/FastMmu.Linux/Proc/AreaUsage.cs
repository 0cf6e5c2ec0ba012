namespace FastMmu.Linux.Proc;

/// <summary>What the pages of an area, or of all areas, are (mem_size_stats): bytes, and proportional shares in 1/4096 of a byte.</summary>
/// <remarks>Source: fs/proc/task_mmu.c:smaps_account of Linux 6.18.</remarks>
public record struct AreaUsage
{
    /// <summary>How far proportional shares are shifted, so that a page shared by many still counts.</summary>
    public const int ShareShift = 12;

    /// <summary>Resident bytes.</summary>
    public ulong Resident { get; set; }

    /// <summary>Each page divided by how many entries show it, shifted by <see cref="ShareShift"/>.</summary>
    public ulong Share { get; set; }

    /// <summary>Of that, pages that were written.</summary>
    public ulong DirtyShare { get; set; }

    /// <summary>Of that, private memory of processes.</summary>
    public ulong AnonymousShare { get; set; }

    /// <summary>Of that, pages of files.</summary>
    public ulong FileShare { get; set; }

    /// <summary>Of that, pages of shared memory.</summary>
    public ulong ShmemShare { get; set; }

    /// <summary>Of that, pages of locked areas.</summary>
    public ulong LockedShare { get; set; }

    /// <summary>Pages that several entries show and nobody wrote.</summary>
    public ulong SharedClean { get; set; }

    /// <summary>Pages that several entries show and somebody wrote.</summary>
    public ulong SharedDirty { get; set; }

    /// <summary>Pages that only this area shows and nobody wrote.</summary>
    public ulong PrivateClean { get; set; }

    /// <summary>Pages that only this area shows and somebody wrote.</summary>
    public ulong PrivateDirty { get; set; }

    /// <summary>Pages that were used through this area. The kernel also counts those that its lists of pages have marked; there are no such lists here.</summary>
    public ulong Referenced { get; set; }

    /// <summary>Private memory of processes.</summary>
    public ulong Anonymous { get; set; }

    /// <summary>Private memory that MADV_FREE gave up.</summary>
    public ulong LazyFree { get; set; }

    /// <summary>The sum of two usages.</summary>
    public static AreaUsage operator +(in AreaUsage left, in AreaUsage right) => new()
    {
        Resident = left.Resident + right.Resident,
        Share = left.Share + right.Share,
        DirtyShare = left.DirtyShare + right.DirtyShare,
        AnonymousShare = left.AnonymousShare + right.AnonymousShare,
        FileShare = left.FileShare + right.FileShare,
        ShmemShare = left.ShmemShare + right.ShmemShare,
        LockedShare = left.LockedShare + right.LockedShare,
        SharedClean = left.SharedClean + right.SharedClean,
        SharedDirty = left.SharedDirty + right.SharedDirty,
        PrivateClean = left.PrivateClean + right.PrivateClean,
        PrivateDirty = left.PrivateDirty + right.PrivateDirty,
        Referenced = left.Referenced + right.Referenced,
        Anonymous = left.Anonymous + right.Anonymous,
        LazyFree = left.LazyFree + right.LazyFree,
    };

    /// <summary>The sum of two usages.</summary>
    public static AreaUsage Add(in AreaUsage left, in AreaUsage right) => left + right;
}
