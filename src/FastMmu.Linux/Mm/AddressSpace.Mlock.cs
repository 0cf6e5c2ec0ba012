using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>mlock and its family.</content>
public sealed partial class AddressSpace
{
    private const VmFlags LockedMask = VmFlags.Locked | VmFlags.LockOnFault;

    /// <summary>mlock2's only flag (MLOCK_ONFAULT): lock pages when they are first touched.</summary>
    public const int MlockOnFault = 1;

    /// <summary>mlockall: what is mapped now (MCL_CURRENT).</summary>
    public const int MclCurrent = 1;

    /// <summary>mlockall: what will be mapped (MCL_FUTURE).</summary>
    public const int MclFuture = 2;

    /// <summary>mlockall: lock pages when they are first touched (MCL_ONFAULT).</summary>
    public const int MclOnFault = 4;

    /// <summary>mlock: locks a range's pages into memory and brings them in.</summary>
    /// <param name="address">An address in the first page.</param>
    /// <param name="length">Bytes; the page of the last one is locked too.</param>
    /// <returns>0; EPERM when nothing may be locked; ENOMEM over the limit, at a hole or where a page cannot be had; EINVAL; EAGAIN.</returns>
    public long Mlock(ulong address, ulong length) => Lock(address, length, VmFlags.Locked);

    /// <summary>mlock2.</summary>
    /// <param name="address">An address in the first page.</param>
    /// <param name="length">Bytes; the page of the last one is locked too.</param>
    /// <param name="flags">0 or <see cref="MlockOnFault"/>.</param>
    /// <returns>As <see cref="Mlock"/>; EINVAL for other flags.</returns>
    public long Mlock2(ulong address, ulong length, int flags) => (flags & ~MlockOnFault) != 0
        ? -Errno.EINVAL
        : Lock(address, length, flags == 0 ? VmFlags.Locked : LockedMask);

    /// <summary>munlock.</summary>
    /// <param name="address">An address in the first page.</param>
    /// <param name="length">Bytes; the page of the last one is unlocked too.</param>
    /// <returns>0; ENOMEM at a hole; EINVAL for a range that wraps.</returns>
    public long Munlock(ulong address, ulong length)
    {
        length = Word(AlignUp(length + (address & (PageSize - 1))));
        return ApplyLock(address & ~(PageSize - 1), length, VmFlags.None);
    }

    /// <summary>mlockall.</summary>
    /// <param name="flags">Bits of MCL_*.</param>
    /// <returns>0; EINVAL; EPERM when nothing may be locked; ENOMEM when more is mapped than may be locked.</returns>
    public long Mlockall(int flags)
    {
        if (flags == 0 || (flags & ~(MclCurrent | MclFuture | MclOnFault)) != 0 || flags == MclOnFault)
        {
            return -Errno.EINVAL;
        }

        if (!CanLock)
        {
            return -Errno.EPERM;
        }

        bool current = (flags & MclCurrent) != 0;
        if (current && TotalVm > SoftLimit(ResourceLimits.MemoryLock) >> PageShift && !Context.Credentials.CanLockMemory)
        {
            return -Errno.ENOMEM;
        }

        LockAll(flags);
        if (current)
        {
            Tables.Populate(0, TaskSize, ignoreErrors: true);
        }

        return 0;
    }

    /// <summary>munlockall.</summary>
    /// <returns>0.</returns>
    public long Munlockall()
    {
        LockAll(0);
        return 0;
    }

    private long Lock(ulong address, ulong length, VmFlags flags)
    {
        if (!CanLock)
        {
            return -Errno.EPERM;
        }

        length = Word(AlignUp(length + (address & (PageSize - 1))));
        ulong start = address & ~(PageSize - 1);
        ulong limit = SoftLimit(ResourceLimits.MemoryLock) >> PageShift;
        ulong locked = (length >> PageShift) + LockedVm;
        bool free = Context.Credentials.CanLockMemory;
        if (locked > limit && !free)
        {
            locked -= CountLocked(start, length);
        }

        if (locked > limit && !free)
        {
            return -Errno.ENOMEM;
        }

        long error = ApplyLock(start, length, flags);
        if (error != 0)
        {
            return error;
        }

        return Tables.Populate(start, start + length, ignoreErrors: false) switch
        {
            -Errno.EFAULT => -Errno.ENOMEM,
            -Errno.ENOMEM => -Errno.EAGAIN,
            long other => other,
        };
    }

    private ulong CountLocked(ulong start, ulong length)
    {
        ulong end = Word(start + length) < start ? ulong.MaxValue : start + length, bytes = 0;
        for (ulong at = start; Areas.TryFind(at, out Vma vma) && vma.Start < end; at = vma.End)
        {
            if ((vma.Flags & VmFlags.Locked) != 0)
            {
                bytes += Math.Min(vma.End, end) - Math.Max(vma.Start, start);
            }
        }

        return bytes >> PageShift;
    }

    // apply_vma_lock_flags: area by area up to the first hole or problem.
    private long ApplyLock(ulong start, ulong length, VmFlags flags)
    {
        ulong end = Word(start + length);
        if (end < start)
        {
            return -Errno.EINVAL;
        }

        while (start < end)
        {
            if (!TryLookup(start, out Vma vma))
            {
                return -Errno.ENOMEM;
            }

            long error = Relock(ref vma, start, Math.Min(vma.End, end), (vma.Flags & ~LockedMask) | flags);
            if (error != 0)
            {
                return error;
            }

            start = vma.End;
        }

        return 0;
    }

    // apply_mlockall_flags: problems with one area do not keep the others from being done.
    private void LockAll(int flags)
    {
        VmFlags wanted = VmFlags.Locked | ((flags & MclOnFault) != 0 ? VmFlags.LockOnFault : VmFlags.None);
        DefFlags &= ~LockedMask;
        if ((flags & MclFuture) != 0)
        {
            DefFlags |= wanted;
            if ((flags & MclCurrent) == 0)
            {
                return;
            }
        }

        if ((flags & MclCurrent) == 0)
        {
            wanted = VmFlags.None;
        }

        for (ulong at = 0; Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            _ = Relock(ref vma, vma.Start, vma.End, (vma.Flags & ~LockedMask) | wanted);
        }
    }

    // mlock_fixup; the area that holds the range afterwards is left in vma.
    private long Relock(ref Vma vma, ulong start, ulong end, VmFlags flags)
    {
        VmFlags old = vma.Flags;
        if (flags == old || (old & (VmFlags.Special | VmFlags.HugeTlb | VmFlags.Droppable)) != 0)
        {
            return 0;
        }

        long error = ModifyFlags(vma, start, end, flags, out Vma changed);
        if (error != 0)
        {
            return error;
        }

        vma = changed;
        ulong pages = (end - start) >> PageShift;
        if ((flags & VmFlags.Locked) == 0)
        {
            LockedVm -= pages;
        }
        else if ((old & VmFlags.Locked) == 0)
        {
            LockedVm += pages;
        }

        return 0;
    }
}
