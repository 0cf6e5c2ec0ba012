using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Pages;

/// <content>Faulting ranges in before they are touched.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Faults a range in, as mlock and MAP_POPULATE do (__mm_populate).</summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="ignoreErrors">Whether an area that fails is only left at the page that failed (mmap), not the end of the call (mlock).</param>
    /// <returns>0, -EFAULT where a page cannot be had, or -ENOMEM; 0 always with <paramref name="ignoreErrors"/>.</returns>
    /// <remarks>
    /// Private writable areas get their own pages, all others what a read gets. Rights do not matter as long as there are some, and areas
    /// locked on fault are left alone.
    /// </remarks>
    internal long Populate(ulong start, ulong end, bool ignoreErrors)
    {
        while (start < end && _space.Areas.TryFind(start, out Vma vma) && vma.Start < end)
        {
            start = Math.Max(start, vma.Start);
            ulong stop = Math.Min(end, vma.End);
            if ((vma.Flags & (VmFlags.Io | VmFlags.PfnMap | VmFlags.LockOnFault)) == 0)
            {
                bool write = (vma.Flags & (VmFlags.Write | VmFlags.Shared)) == VmFlags.Write;
                bool accessible = (vma.Flags & VmFlags.AccessMask) != 0 && (write || (vma.Flags & (VmFlags.Read | VmFlags.MayRead)) != 0);
                long result = accessible ? FaultIn(start, stop, write) : -Errno.EFAULT;
                if (result != 0 && !ignoreErrors)
                {
                    return result;
                }
            }

            start = stop;
        }

        return 0;
    }

    /// <summary>Faults a range in, as MADV_POPULATE_READ and MADV_POPULATE_WRITE do: rights matter, and so do holes.</summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="write">Whether the pages are to be written.</param>
    /// <returns>0, -ENOMEM for a hole or without memory, -EINVAL for an area without the right, -EFAULT where a page cannot be had; what came before stays.</returns>
    internal long Prefault(ulong start, ulong end, bool write)
    {
        while (start < end)
        {
            if (!_space.Areas.TryFind(start, out Vma vma) || vma.Start > start)
            {
                return -Errno.ENOMEM;
            }

            if ((vma.Flags & (VmFlags.Io | VmFlags.PfnMap)) != 0 || (vma.Flags & (write ? VmFlags.Write : VmFlags.Read)) == 0)
            {
                return -Errno.EINVAL;
            }

            ulong stop = Math.Min(end, vma.End);
            long result = FaultIn(start, stop, write);
            if (result != 0)
            {
                return result;
            }

            start = stop;
        }

        return 0;
    }

    private long FaultIn(ulong start, ulong end, bool write)
    {
        _space.Areas.TryFind(start, out Vma vma);
        for (ulong at = start; at < end; at += PageBytes)
        {
            ulong* slot = Find(at);
            if (slot != null && Pte.IsPresent(*slot) && (!write || (*slot & Pte.Write) != 0))
            {
                continue;
            }

            switch (Fault(vma, at, write))
            {
                case FaultStatus.Resolved:
                    break;
                case FaultStatus.OutOfMemory:
                    return -Errno.ENOMEM;
                default:
                    return -Errno.EFAULT;
            }

            if (vma.AnonVma == 0)
            {
                _space.Areas.TryFind(start, out vma);
            }
        }

        return 0;
    }
}
