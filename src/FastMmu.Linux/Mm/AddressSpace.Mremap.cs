using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>mremap.</content>
public sealed partial class AddressSpace
{
    /// <summary>mremap: gives a mapping another size or another place.</summary>
    /// <param name="address">Its first byte, of a page.</param>
    /// <param name="oldLength">Bytes; 0 for a second mapping of shared memory.</param>
    /// <param name="newLength">Bytes afterwards.</param>
    /// <param name="flags">Bits of <see cref="MremapFlags"/>.</param>
    /// <param name="newAddress">Where to, with <see cref="MremapFlags.Fixed"/>; a hint with <see cref="MremapFlags.DontUnmap"/>.</param>
    /// <returns>The address afterwards, or -errno; a move of several areas that fails may have moved the first ones.</returns>
    public long Mremap(ulong address, ulong oldLength, ulong newLength, uint flags, ulong newAddress)
    {
        Remap remap = new()
        {
            Address = address,
            OldLength = Word(AlignUp(oldLength)),
            NewLength = Word(AlignUp(newLength)),
            Flags = flags,
            NewAddress = newAddress,
        };
        long error = CheckRemap(remap);
        if (error != 0)
        {
            return error;
        }

        long result;
        if ((flags & MremapFlags.Fixed) != 0 && remap.OldLength == remap.NewLength && Machine.Profile.MremapMovesSeveral)
        {
            result = MoveAreas(ref remap);
        }
        else
        {
            if ((flags & MremapFlags.Fixed) != 0 && !Machine.Profile.MremapChecksSourceFirst)
            {
                error = Munmap(newAddress, remap.NewLength);
            }

            error = error != 0 ? error : PrepareRemap(ref remap);
            result = error != 0 ? error : remap.GivesAddress ? RemapTo(ref remap) : RemapInPlace(ref remap);
        }

        if (!Errno.IsError(result) && remap.Populates)
        {
            ulong from = remap.NewAddress + remap.OldLength;
            Tables.Populate(from, from + remap.Delta, ignoreErrors: true);
        }

        return result;
    }

    // check_mremap_params: what can be said without looking at the areas.
    private long CheckRemap(in Remap remap)
    {
        const uint Known = MremapFlags.MayMove | MremapFlags.Fixed | MremapFlags.DontUnmap;
        if ((remap.Flags & ~Known) != 0 || !IsAligned(remap.Address) || remap.NewLength == 0 || remap.NewLength > TaskSize)
        {
            return -Errno.EINVAL;
        }

        if (!remap.GivesAddress)
        {
            return 0;
        }

        if (remap.NewAddress > TaskSize - remap.NewLength || !IsAligned(remap.NewAddress)
            || (remap.Flags & MremapFlags.MayMove) == 0
            || ((remap.Flags & MremapFlags.DontUnmap) != 0 && remap.OldLength != remap.NewLength)
            || (remap.Address + remap.OldLength > remap.NewAddress && remap.NewAddress + remap.NewLength > remap.Address))
        {
            return -Errno.EINVAL;
        }

        // Both the source and the destination may be split in three before anything moves.
        return Areas.Count + 2 >= Machine.Settings.MaxMapCount - 3 ? -Errno.ENOMEM : 0;
    }

    // remap_move: one area after the other, keeping the holes between them.
    private long MoveAreas(ref Remap remap)
    {
        ulong start = remap.Address, end = start + remap.OldLength, target = remap.NewAddress, last = 0;
        long result = -Errno.EFAULT;
        bool seen = false;
        for (ulong at = start; at < end && Areas.TryFind(at, out Vma vma) && vma.Start < end;)
        {
            ulong from = Math.Max(vma.Start, start), to = Math.Min(vma.End, end);
            bool alone = vma.File != 0 && Machine.Files[vma.File].Inode.Kind == InodeKind.ZeroDevice;
            if ((!seen && start < vma.Start) || (alone && (seen || vma.End < end)))
            {
                return -Errno.EFAULT;
            }

            target += seen ? vma.Start - last : 0;
            last = vma.End;
            remap.Address = from;
            remap.NewAddress = target;
            remap.OldLength = remap.NewLength = to - from;
            long moved = PrepareRemap(ref remap);
            if (moved == 0)
            {
                moved = RemapTo(ref remap);
            }

            if (Errno.IsError(moved))
            {
                return moved;
            }

            if (!seen)
            {
                result = moved;
                seen = true;
            }

            target = (ulong)moved + remap.NewLength;
            at = to;
        }

        return result;
    }

    // check_prep_vma: what the source area allows.
    private long PrepareRemap(ref Remap remap)
    {
        if (!TryLookup(remap.Address, out Vma vma))
        {
            return -Errno.EFAULT;
        }

        if ((vma.Flags & VmFlags.Sealed) != 0)
        {
            return -Errno.EPERM;
        }

        if ((vma.Flags & VmFlags.HugeTlb) != 0 && !TryAlign(ref remap, PageMaskOf(vma)))
        {
            return -Errno.EINVAL;
        }

        bool grows = remap.NewLength > remap.OldLength, shrinks = remap.NewLength < remap.OldLength;
        remap.Delta = grows ? remap.NewLength - remap.OldLength : remap.OldLength - remap.NewLength;
        if (!remap.GivesAddress)
        {
            remap.NewAddress = remap.Address;
            if (!grows)
            {
                return 0;
            }
        }

        if (remap.OldLength == 0 && (vma.Flags & (VmFlags.Shared | VmFlags.MayShare)) == 0)
        {
            return -Errno.EINVAL;
        }

        const VmFlags Fixed = VmFlags.DontExpand | VmFlags.PfnMap;
        if ((remap.Flags & MremapFlags.DontUnmap) != 0 && (vma.Flags & Fixed) != 0)
        {
            return -Errno.EINVAL;
        }

        ulong oldLength = shrinks ? remap.NewLength : remap.OldLength;
        if (oldLength > vma.End - remap.Address)
        {
            return -Errno.EFAULT;
        }

        if (remap.NewLength == oldLength)
        {
            return 0;
        }

        remap.Populates = (vma.Flags & VmFlags.Locked) != 0;
        ulong pageOffset = vma.PageOffset + ((remap.Address - vma.Start) >> PageShift);
        if (pageOffset + (remap.NewLength >> PageShift) < pageOffset)
        {
            return -Errno.EINVAL;
        }

        if ((vma.Flags & Fixed) != 0)
        {
            return -Errno.EFAULT;
        }

        if (!MayLock(vma.Flags, remap.Delta))
        {
            return -Errno.EAGAIN;
        }

        return MayExpand(vma.Flags, remap.Delta >> PageShift) ? 0 : -Errno.ENOMEM;
    }

    // mremap_to: the destination is cleared and a shrink done before the move, which may still fail.
    private long RemapTo(ref Remap remap)
    {
        if ((remap.Flags & MremapFlags.Fixed) != 0)
        {
            long error = Munmap(remap.NewAddress, remap.NewLength);
            if (error != 0)
            {
                return error;
            }

            if (!TryLookup(remap.Address, out _))
            {
                return -Errno.EFAULT;
            }
        }

        if (remap.NewLength < remap.OldLength)
        {
            long error = Munmap(remap.Address + remap.NewLength, remap.Delta);
            if (error != 0)
            {
                return error;
            }

            remap.OldLength = remap.NewLength;
            remap.Delta = 0;
        }

        if (!TryLookup(remap.Address, out Vma vma))
        {
            return -Errno.EFAULT;
        }

        if ((remap.Flags & MremapFlags.DontUnmap) != 0 && !MayExpand(vma.Flags, remap.OldLength >> PageShift))
        {
            return -Errno.ENOMEM;
        }

        return PlaceAndMove(ref remap, vma);
    }

    // mremap_at
    private long RemapInPlace(ref Remap remap)
    {
        if (remap.NewLength <= remap.OldLength)
        {
            long error = remap.Delta == 0 ? 0 : Munmap(remap.Address + remap.NewLength, remap.Delta);
            return error != 0 ? error : (long)remap.Address;
        }

        TryLookup(remap.Address, out Vma vma);
        if (vma.End - remap.Address == remap.OldLength && CanExtend(vma, remap.Delta))
        {
            return ExtendInPlace(vma, remap);
        }

        return (remap.Flags & MremapFlags.MayMove) == 0 ? -Errno.ENOMEM : PlaceAndMove(ref remap, vma);
    }

    private bool CanExtend(in Vma vma, ulong delta)
    {
        ulong end = vma.End + delta;
        return end > vma.End && (!Areas.TryFind(vma.End, out Vma next) || next.Start >= end)
            && !Errno.IsError(GetUnmappedArea(null, vma.Start, end - vma.Start, 0, MmapFlags.Fixed));
    }

    private long ExtendInPlace(in Vma vma, in Remap remap)
    {
        ulong pages = remap.Delta >> PageShift, charged = (vma.Flags & VmFlags.Account) != 0 ? pages : 0;
        if (charged != 0 && !TryCharge(charged))
        {
            return -Errno.ENOMEM;
        }

        if (!TryMergeNew(new Merge(vma, vma.End, vma.End + remap.Delta, vma.Flags), onlyPrevious: false, out _))
        {
            Uncharge(charged);
            return -Errno.ENOMEM;
        }

        CountMoved(vma.Flags, pages);
        return (long)remap.Address;
    }

    private struct Remap
    {
        public ulong Address;
        public ulong OldLength;
        public ulong NewLength;
        public ulong NewAddress;
        public ulong Delta;
        public uint Flags;
        public bool Populates;

        public readonly bool GivesAddress => (Flags & (MremapFlags.Fixed | MremapFlags.DontUnmap)) != 0;
    }
}
