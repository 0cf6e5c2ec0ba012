using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Pages;

/// <content>Faulting ranges in before they are touched.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override long Populate(ulong start, ulong end, bool ignoreErrors)
    {
        while (start < end && Space.Areas.TryFind(start, out Vma vma) && vma.Start < end)
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

    internal override long Prefault(ulong start, ulong end, bool write)
    {
        while (start < end)
        {
            if (!Space.Areas.TryFind(start, out Vma vma) || vma.Start > start)
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
        Space.Areas.TryFind(start, out Vma vma);
        for (ulong at = start; at < end; at += PageBytes)
        {
            TEntry* slot = Find(at);
            if (slot != null && Pte.IsPresent(slot->Value) && (!write || (slot->Value & Pte.Write) != 0))
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
                Space.Areas.TryFind(start, out vma);
            }
        }

        return 0;
    }
}
