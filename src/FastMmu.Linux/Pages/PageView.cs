namespace FastMmu.Linux.Pages;

/// <summary>What an entry of a process's page tables shows, as pagemap and smaps ask.</summary>
public readonly record struct PageView
{
    /// <summary>Whether there is a page. A PROT_NONE page is there, though the processor does not see it.</summary>
    public bool IsPresent { get; init; }

    /// <summary>Whether there is a guard region instead.</summary>
    public bool IsGuard { get; init; }

    /// <summary>Whether the frame is nobody's: the zero page, or the kernel's own data. It is not resident memory.</summary>
    public bool IsSpecial { get; init; }

    /// <summary>Whether it is private memory of processes.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>Whether it is a page of shared memory or a memfd.</summary>
    public bool IsSharedMemory { get; init; }

    /// <summary>Whether it was written through this entry, or holds what its file does not.</summary>
    public bool IsDirty { get; init; }

    /// <summary>Whether it was used through this entry.</summary>
    public bool IsReferenced { get; init; }

    /// <summary>Whether MADV_FREE gave it up, and nobody wrote it since.</summary>
    public bool IsLazyFree { get; init; }

    /// <summary>Page-table entries that show it, of all processes.</summary>
    public int MapCount { get; init; }

    /// <summary>Its page frame number.</summary>
    public ulong Frame { get; init; }

    /// <summary>Whether it counts as resident memory.</summary>
    public bool IsResident => IsPresent && !IsSpecial;

    /// <summary>The 64 bits that /proc/PID/pagemap shows.</summary>
    /// <param name="showFrames">Whether the reader may see frame numbers (CAP_SYS_ADMIN).</param>
    /// <remarks>
    /// <code>
    ///  63      62   61   60 59  58   57 56        55 54                                    0
    /// +-------+----+----+-----+-----+--+---------+--+---------------------------------------+
    /// |present|swap|file|  0  |guard| 0|exclusive| 0| frame, or type and offset in swap      |
    /// +-------+----+----+-----+-----+--+---------+--+---------------------------------------+
    /// </code>
    /// Source: fs/proc/task_mmu.c, pte_to_pagemap_entry.
    /// </remarks>
    public ulong ToPagemap(bool showFrames)
    {
        if (IsGuard)
        {
            const ulong markerType = 31, guard = 4;
            return (1UL << 62) | (1UL << 58) | (showFrames ? markerType | (guard << 5) : 0);
        }

        if (!IsPresent)
        {
            return 0;
        }

        ulong entry = (1UL << 63) | (showFrames ? Frame : 0);
        if (!IsSpecial)
        {
            entry |= (IsAnonymous ? 0 : 1UL << 61) | (MapCount == 1 ? 1UL << 56 : 0);
        }

        return entry;
    }
}
