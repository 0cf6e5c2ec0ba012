using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>munmap.</content>
public sealed partial class AddressSpace
{
    /// <summary>munmap: removes what is mapped in a range; holes are fine.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <returns>0; EINVAL for an unaligned, empty or too high range and for cutting a special mapping; EPERM for a sealed area; ENOMEM for a split too many.</returns>
    public long Munmap(ulong address, ulong length)
    {
        if (!IsAligned(address) || address > TaskSize || length > TaskSize - address)
        {
            return -Errno.EINVAL;
        }

        ulong end = address + AlignUp(length);
        return end == address ? -Errno.EINVAL : UnmapAligned(address, end);
    }

    // do_vmi_align_munmap
    private long UnmapAligned(ulong start, ulong end)
    {
        if (!Areas.TryFind(start, out Vma first) || first.Start >= end)
        {
            return 0;
        }

        long error = GatherUnmapped(first, start, end, out UnmapCounts counts);
        if (error == 0)
        {
            CompleteUnmap(start, end, counts);
            Uncharge(counts.Accounted);
        }

        return error;
    }

    // vms_gather_munmap_vmas: splits at both ends and looks whether all may go. Splits stay when a later step fails.
    private long GatherUnmapped(in Vma first, ulong start, ulong end, out UnmapCounts counts)
    {
        counts = default;
        Vma vma = first;
        if (start > first.Start)
        {
            // A hole in the middle makes one area more than there were.
            if (end < first.End && Areas.Count >= Machine.Settings.MaxMapCount)
            {
                return -Errno.ENOMEM;
            }

            if ((first.Flags & VmFlags.Sealed) != 0)
            {
                return -Errno.EPERM;
            }

            long error = Split(first, start);
            if (error != 0)
            {
                return error;
            }

            vma.Start = start;
            vma.PageOffset += (start - first.Start) >> PageShift;
        }

        while (true)
        {
            if ((vma.Flags & VmFlags.Sealed) != 0)
            {
                return -Errno.EPERM;
            }

            if (vma.End > end)
            {
                long error = Split(vma, end);
                if (error != 0)
                {
                    return error;
                }

                vma.End = end;
            }

            counts.Add(vma);
            if (vma.End >= end || !Areas.TryFind(vma.End, out vma) || vma.Start >= end)
            {
                return 0;
            }
        }
    }

    // vms_complete_munmap_vmas: the areas of the range, which begin and end in it, go with their pages and tables.
    private void CompleteUnmap(ulong start, ulong end, in UnmapCounts counts)
    {
        UpdateHiwater();
        ulong floor = Areas.TryFindBefore(start, out Vma neighbour) ? neighbour.End : 0;
        ulong ceiling = Areas.TryFind(end, out neighbour) ? neighbour.Start : 0;
        ulong first = 0, last = 0;
        for (ulong at = start; Areas.TryFind(at, out Vma vma) && vma.Start < end; at = vma.End)
        {
            Tables.Zap(vma, vma.Start, vma.End);
            first = first == 0 && last == 0 ? vma.Start : first;
            last = vma.End;
            Account(vma.Flags, -(long)vma.Pages);
        }

        Tables.FreeTables(first, last, floor, ceiling);
        LockedVm -= counts.Locked;
        while (Areas.TryFind(start, out Vma vma) && vma.Start < end)
        {
            RemoveArea(vma);
        }
    }

    private struct UnmapCounts
    {
        public ulong Pages;
        public ulong Accounted;
        public ulong Locked;

        public void Add(in Vma vma)
        {
            ulong pages = vma.Pages;
            Pages += pages;
            if ((vma.Flags & VmFlags.Locked) != 0)
            {
                Locked += pages;
            }

            if ((vma.Flags & VmFlags.Account) != 0)
            {
                Accounted += pages;
            }
        }
    }
}
