using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <summary>What faults, fork and the page cache know of a page, in terms of its descriptor.</summary>
internal static class PageState
{
    // PG_anon_exclusive shares its bit with what owners of other pages keep there.
    private const PageFlags Exclusive = PageFlags.Owner2;

    /// <summary>One entry more shows an anonymous page, which is nobody's own from now on; of another page nothing changes.</summary>
    /// <returns>Whether it is anonymous.</returns>
    /// <remarks>
    /// Flags, references, mappings and object are the first sixteen bytes of a descriptor: one load, one add, one store change all three. This
    /// is the larger half of what fork does for a page.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static unsafe bool TryShare(PageFrame* page)
    {
        Vector128<int> head = Vector128.Load((int*)page);
        if (head.GetElement(3) >= 0)
        {
            return false;
        }

        Vector128<int> shared = Vector128.Create(~(int)Exclusive, -1, -1, -1);
        Vector128.Store((head + Vector128.Create(0, 1, 1, 0)) & shared, (int*)page);
        return true;
    }

    extension(ref PageFrame page)
    {
        /// <summary>Private memory of processes.</summary>
        internal bool IsAnonymous
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => page.Mapping < 0;
        }

        /// <summary>A page of shared memory or a memfd (RssShmem).</summary>
        internal bool IsShmem => page.Mapping >= 0 && (page.Flags & PageFlags.SwapBacked) != 0;

        /// <summary>Written since it was read from its file.</summary>
        internal bool IsDirty => (page.Flags & PageFlags.Dirty) != 0;

        /// <summary>Anonymous and no other process's since it was made: a write needs no copy (PG_anon_exclusive).</summary>
        internal bool IsExclusive
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => (page.Flags & Exclusive) != 0;
        }

        /// <summary>A page of a disk file that nobody maps and nobody wrote.</summary>
        internal bool IsReclaimable => page.RefCount == 1 && page.Mapping > 0 && (page.Flags & (PageFlags.SwapBacked | PageFlags.Dirty)) == 0;

        /// <summary>Makes it private memory, shown by one entry and nobody else's.</summary>
        internal void BecomeAnonymous(int anonVma, ulong index)
        {
            page.Flags |= PageFlags.UpToDate | PageFlags.SwapBacked | Exclusive;
            page.Mapping = -anonVma;
            page.Index = index;
            page.MapCount = 1;
        }

        /// <summary>Makes it the writer's own again, once everybody else has let go of it.</summary>
        internal void BecomeExclusive(int anonVma)
        {
            page.Flags |= Exclusive;
            page.Mapping = -anonVma;
        }

        /// <summary>Makes it a page of a file.</summary>
        internal void BecomeFilePage(int inode, ulong index, bool shmem)
        {
            page.Flags |= PageFlags.UpToDate | (shmem ? PageFlags.SwapBacked : PageFlags.None);
            page.Mapping = inode;
            page.Index = index;
        }

        /// <summary>It is the file's no more; who still maps it keeps it alive.</summary>
        internal void LeaveFile() => page.Mapping = 0;

        /// <summary>MADV_FREE gave it up: anonymous, and no swap needs to take it.</summary>
        internal bool IsLazyFree => page.Mapping < 0 && (page.Flags & PageFlags.SwapBacked) == 0;

        /// <summary>MADV_FREE gives it up.</summary>
        internal void MarkLazyFree() => page.Flags &= ~(PageFlags.SwapBacked | PageFlags.Dirty);

        /// <summary>It holds what its file on disk does not.</summary>
        internal void MarkDirty() => page.Flags |= PageFlags.Dirty;

        /// <summary>One entry more shows it.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void MapAgain()
        {
            page.RefCount++;
            page.MapCount++;
        }
    }
}
