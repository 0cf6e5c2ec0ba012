using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>madvise.</content>
public sealed partial class AddressSpace
{
    /// <summary>madvise: says how a range will be used. Holes are passed over and reported at the end.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="advice">One of <see cref="Advice"/>.</param>
    /// <returns>0; EINVAL for unknown advice, a bad range, or an area it does not suit; ENOMEM for a hole; EAGAIN for a split too many; EPERM; EACCES; EFAULT.</returns>
    public long Madvise(ulong address, ulong length, int advice)
    {
        if (!TryGetRange(address, length, out ulong end) || !IsKnown(advice))
        {
            return -Errno.EINVAL;
        }

        if (end == address)
        {
            return 0;
        }

        if (advice is Advice.HwPoison or Advice.SoftOffline)
        {
            return Context.Credentials.IsAdministrator ? -Errno.EINVAL : -Errno.EPERM;
        }

        return advice is Advice.PopulateRead or Advice.PopulateWrite
            ? Tables.Prefault(address, end, write: advice == Advice.PopulateWrite)
            : AdviseAreas(address, end, advice);
    }

    private bool IsKnown(int advice) => advice switch
    {
        >= Advice.Normal and <= Advice.DontNeed => true,
        >= Advice.Free and <= Advice.Collapse => true,
        Advice.HwPoison or Advice.SoftOffline => true,
        Advice.GuardInstall or Advice.GuardRemove => Machine.Profile.KnowsGuardRegions,
        _ => false,
    };

    // madvise_walk_vmas
    private long AdviseAreas(ulong start, ulong end, int advice, int name = 0)
    {
        long result = 0;
        while (true)
        {
            if (!Areas.TryFind(start, out Vma vma))
            {
                return -Errno.ENOMEM;
            }

            if (vma.Start > start)
            {
                result = -Errno.ENOMEM;
                start = vma.Start;
                if (start >= end)
                {
                    return result;
                }
            }

            long error = advice == Advice.SetName
                ? NameArea(ref vma, start, Math.Min(vma.End, end), name)
                : AdviseArea(ref vma, start, Math.Min(vma.End, end), advice);
            if (error != 0)
            {
                return error;
            }

            start = vma.End;
            if (start >= end)
            {
                return result;
            }
        }
    }

    // madvise_vma_behavior; the area that holds the range afterwards is left in vma.
    private long AdviseArea(ref Vma vma, ulong start, ulong end, int advice)
    {
        if ((vma.Flags & VmFlags.Sealed) != 0 && Discards(advice) && Tables.IsAnonymous(vma) && (vma.Flags & VmFlags.Write) == 0)
        {
            return -Errno.EPERM;
        }

        VmFlags flags = vma.Flags;
        switch (advice)
        {
            case Advice.Normal:
                flags &= ~(VmFlags.RandRead | VmFlags.SeqRead);
                break;
            case Advice.Sequential:
                flags = (flags & ~VmFlags.RandRead) | VmFlags.SeqRead;
                break;
            case Advice.Random:
                flags = (flags & ~VmFlags.SeqRead) | VmFlags.RandRead;
                break;
            case Advice.DontFork:
                flags |= VmFlags.DontCopy;
                break;
            case Advice.DoFork when (flags & VmFlags.Io) != 0:
            case Advice.WipeOnFork when vma.File != 0 || (flags & VmFlags.Shared) != 0:
            case Advice.KeepOnFork when (flags & VmFlags.Droppable) != 0:
            case Advice.DoDump when (flags & VmFlags.Droppable) != 0 || ((flags & VmFlags.Special) != 0 && (flags & VmFlags.HugeTlb) == 0):
                return -Errno.EINVAL;
            case Advice.DoFork:
                flags &= ~VmFlags.DontCopy;
                break;
            case Advice.WipeOnFork:
                flags |= VmFlags.WipeOnFork;
                break;
            case Advice.KeepOnFork:
                flags &= ~VmFlags.WipeOnFork;
                break;
            case Advice.DontDump:
                flags |= VmFlags.DontDump;
                break;
            case Advice.DoDump:
                flags &= ~VmFlags.DontDump;
                break;
            case Advice.Mergeable:
                flags |= (flags & (VmFlags.Shared | VmFlags.MayShare | VmFlags.Special | VmFlags.HugeTlb | VmFlags.Droppable)) == 0
                    ? VmFlags.Mergeable : VmFlags.None;
                break;
            case Advice.Unmergeable:
                flags &= ~VmFlags.Mergeable;
                break;
            case Advice.HugePage:
                flags = (flags & ~VmFlags.NoHugePage) | VmFlags.HugePage;
                break;
            case Advice.NoHugePage:
                flags = (flags & ~VmFlags.HugePage) | VmFlags.NoHugePage;
                break;
            default:
                return Tables.Advise(vma, start, end, advice);
        }

        if (flags == vma.Flags)
        {
            return 0;
        }

        long failed = ModifyFlags(vma, start, end, flags, out Vma changed);
        if (failed != 0)
        {
            return failed == -Errno.ENOMEM ? -Errno.EAGAIN : failed;
        }

        vma = changed;
        return 0;
    }

    private static bool Discards(int advice) => advice is Advice.Free or Advice.DontNeed or Advice.DontNeedLocked or Advice.Remove
        or Advice.DontFork or Advice.WipeOnFork or Advice.GuardInstall;
}
