using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>brk.</content>
public sealed partial class AddressSpace
{
    /// <summary>brk: moves the end of the heap.</summary>
    /// <param name="address">The new end, to the byte.</param>
    /// <returns>The end as it is then: the new one, or the old one when that cannot be. Never an error number.</returns>
    public long Brk(ulong address)
    {
        if (address < StartBrk)
        {
            return (long)CurrentBrk;
        }

        ulong limit = SoftLimit(ResourceLimits.Data);
        if (limit < ResourceLimit.Infinity && address - StartBrk + (EndData - StartData) > limit)
        {
            return (long)CurrentBrk;
        }

        ulong oldEnd = AlignUp(CurrentBrk), newEnd = AlignUp(address);
        bool done = oldEnd == newEnd || (address <= CurrentBrk ? ShrinkHeap(newEnd, oldEnd) : GrowHeap(oldEnd, newEnd));
        if (!done)
        {
            return (long)CurrentBrk;
        }

        bool grown = address > CurrentBrk && oldEnd != newEnd;
        CurrentBrk = address;
        if (grown && (DefFlags & VmFlags.Locked) != 0)
        {
            Tables.Populate(oldEnd, newEnd, ignoreErrors: true);
        }

        return (long)address;
    }

    private bool ShrinkHeap(ulong newEnd, ulong oldEnd)
    {
        if (!Areas.TryFind(newEnd, out Vma vma) || vma.Start >= oldEnd)
        {
            return !Machine.Profile.ShrinkOfUnmappedHeapFails;
        }

        return UnmapAligned(newEnd, oldEnd) == 0;
    }

    private bool GrowHeap(ulong oldEnd, ulong newEnd)
    {
        ulong length = newEnd - oldEnd;
        if (Errno.IsError(GetUnmappedArea(null, oldEnd, length, 0, MmapFlags.Fixed)) || !MayLock(DefFlags, length))
        {
            return false;
        }

        // A page stays free above the heap, and below a growing area its whole gap.
        if (Areas.TryFind(oldEnd, out Vma next) && newEnd + PageSize > StartWithGap(next)
            && next.Start < newEnd + PageSize + (Machine.Settings.StackGuardGapPages << PageShift))
        {
            return false;
        }

        return MapHeap(oldEnd, newEnd, StartBrk);
    }

    /// <summary>Maps a zeroed range of a program's data, as exec does for what a segment has in memory but not in the file (vm_brk_flags).</summary>
    /// <param name="start">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="executable">Whether it is executable as well.</param>
    /// <returns>0, ENOMEM or EINVAL.</returns>
    internal long MapZeroed(ulong start, ulong length, bool executable)
    {
        ulong aligned = AlignUp(length);
        if (aligned < length)
        {
            return -Errno.ENOMEM;
        }

        if (aligned == 0)
        {
            return 0;
        }

        if (!IsAligned(start))
        {
            return -Errno.EINVAL;
        }

        long placed = GetUnmappedArea(null, start, aligned, 0, MmapFlags.Fixed);
        if (Errno.IsError(placed))
        {
            return placed;
        }

        if (!MayLock(DefFlags, aligned))
        {
            return -Errno.EAGAIN;
        }

        long error = Munmap(start, aligned);
        if (error != 0)
        {
            return error;
        }

        if (!MapHeap(start, start + aligned, 0, executable ? VmFlags.Exec : VmFlags.None))
        {
            return -Errno.ENOMEM;
        }

        if ((DefFlags & VmFlags.Locked) != 0)
        {
            Tables.Populate(start, start + aligned, ignoreErrors: true);
        }

        return 0;
    }

    // do_brk_flags: extends the area that ends at the old break, unless it ends at or below the floor; never joins the one behind.
    private bool MapHeap(ulong start, ulong end, ulong floor, VmFlags extra = VmFlags.None)
    {
        ulong pages = (end - start) >> PageShift;
        VmFlags flags = VmFlags.Read | VmFlags.Write | VmFlags.MayAccessMask | VmFlags.Account | DefFlags | extra;
        if (ReadImpliesExec)
        {
            flags |= VmFlags.Exec;
        }

        if (!MayExpand(flags, pages) || IsFull || !TryCharge(pages))
        {
            return false;
        }

        if (start <= floor || !TryMergeNew(new Merge(start, end, flags, start >> PageShift, file: 0), onlyPrevious: true, out _))
        {
            Areas.Insert(new Vma { Start = start, End = end, Flags = flags, PageOffset = start >> PageShift });
        }

        TotalVm += pages;
        DataVm += pages;
        if ((flags & VmFlags.Locked) != 0)
        {
            LockedVm += pages;
        }

        return true;
    }
}
