using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Pages;

/// <summary>The page tables of one address space and the pages in them.</summary>
public sealed class UserPages
{
    private readonly AddressSpace _space;

    internal UserPages(AddressSpace space) => _space = space;

    /// <summary>Resident pages of anonymous memory (MM_ANONPAGES).</summary>
    public ulong RssAnon { get; internal set; }

    /// <summary>Resident pages of files (MM_FILEPAGES).</summary>
    public ulong RssFile { get; internal set; }

    /// <summary>Resident pages of shmem (MM_SHMEMPAGES).</summary>
    public ulong RssShmem { get; internal set; }

    /// <summary>Bytes of page tables.</summary>
    public ulong TableBytes { get; internal set; }

    /// <summary>Drops the pages of a range of an area; its tables stay.</summary>
    internal void Zap(in Vma vma, ulong start, ulong end)
    {
        _ = _space;
    }

    /// <summary>Frees the tables of a range that no area between floor and ceiling can need (free_pgtables).</summary>
    internal void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
    {
    }

    /// <summary>Puts an area's flags, which it already carries, into its entries.</summary>
    internal void Protect(in Vma vma, ulong start, ulong end)
    {
    }

    /// <summary>Moves the entries of a range from one area to another.</summary>
    internal void Move(in Vma from, ulong oldStart, in Vma to, ulong newStart, ulong length)
    {
    }

    /// <summary>Faults a range in, as mlock and MAP_POPULATE do (__mm_populate).</summary>
    /// <returns>0 or -errno; 0 always with <paramref name="ignoreErrors"/>.</returns>
    internal long Populate(ulong start, ulong end, bool ignoreErrors) => 0;

    /// <summary>The page side of an advice over a part of one area: DONTNEED, FREE, REMOVE, COLD, PAGEOUT, WILLNEED, COLLAPSE, guards.</summary>
    /// <returns>0 or -errno.</returns>
    internal long Advise(in Vma vma, ulong start, ulong end, int advice) => 0;
}
