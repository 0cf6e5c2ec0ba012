using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>The half of mmap that makes room, charges, and merges or adds an area.</content>
public sealed partial class AddressSpace
{
    // accountable_mapping
    private static bool IsAccountable(VmFlags flags) =>
        (flags & (VmFlags.NoReserve | VmFlags.Shared | VmFlags.Write)) == VmFlags.Write;

    // mmap_region: makes room, checks the limits, and merges or adds an area.
    private long MapRegion(OpenFile? file, ulong address, ulong length, VmFlags flags, ulong pageOffset)
    {
        if (DeniesExec(flags, flags))
        {
            return -Errno.EACCES;
        }

        ulong end = address + length, pages = length >> PageShift, charged = 0;
        bool replaces = Areas.TryFind(address, out Vma first) && first.Start < end;
        UnmapCounts counts = default;
        if (replaces)
        {
            // Before 6.12 what was there went away before the charge could fail.
            bool early = !Machine.Profile.FixedFailureKeepsOldMapping;
            if (early && !MayExpand(flags, pages - CountPages(address, end)))
            {
                return -Errno.ENOMEM;
            }

            long error = GatherUnmapped(first, address, end, out counts);
            if (error != 0)
            {
                return error;
            }

            if (early)
            {
                CompleteUnmap(address, end, counts);
                Uncharge(counts.Accounted);
                counts = default;
                replaces = false;
            }
        }

        if (!MayExpand(flags, pages - counts.Pages))
        {
            return -Errno.ENOMEM;
        }

        if (IsAccountable(flags) && !IsHuge(file))
        {
            charged = pages - counts.Accounted;
            if (charged != 0 && !TryCharge(charged))
            {
                return -Errno.ENOMEM;
            }

            // What the old pages were charged with is the new area's from here on.
            counts.Accounted = 0;
            charged = pages;
            flags |= VmFlags.Account;
        }

        if (replaces)
        {
            CompleteUnmap(address, end, counts);
            Uncharge(counts.Accounted);
        }

        int id = 0;
        if (file is not null || (flags & VmFlags.Shared) != 0)
        {
            // From here on the old mapping is gone, whatever the file says.
            long error = OpenMapping(ref file, length, pageOffset, ref flags);
            if (error != 0)
            {
                Uncharge(charged);
                return error;
            }

            id = Machine.Files.Attach(file!);
        }

        if (TryMergeNew(new Merge(address, end, flags, pageOffset, id), onlyPrevious: false, out Vma vma))
        {
            ReleaseFile(id);
        }
        else
        {
            vma = new Vma { Start = address, End = end, Flags = flags, PageOffset = pageOffset, File = id };
            if ((flags & VmFlags.Locked) != 0 && (flags & (VmFlags.Droppable | VmFlags.HugeTlb)) != 0)
            {
                vma.Flags = flags &= ~(VmFlags.Locked | VmFlags.LockOnFault);
            }

            Areas.Insert(vma);
        }

        Account(flags, (long)pages);
        if ((flags & VmFlags.Locked) != 0)
        {
            LockedVm += pages;
        }

        return 0;
    }

    // The file's own say (f_op->mmap), and the object behind shared anonymous memory.
    private long OpenMapping(ref OpenFile? file, ulong length, ulong pageOffset, ref VmFlags flags)
    {
        if (file is { Inode.Kind: InodeKind.HugePages })
        {
            return OpenHugePages(file.Inode, pageOffset, ref flags);
        }

        if (file is { Inode.Kind: not InodeKind.ZeroDevice } || (flags & VmFlags.Shared) == 0)
        {
            return (flags & VmFlags.Sync) != 0 && file!.Inode.Kind == InodeKind.Regular ? -Errno.EOPNOTSUPP : 0;
        }

        ulong charged = (flags & VmFlags.NoReserve) != 0 ? 0 : length >> PageShift;
        if (charged != 0 && !TryCharge(charged))
        {
            return -Errno.ENOMEM;
        }

        var inode = new Inode(InodeKind.SharedMemory, "/dev/zero (deleted)", length) { Owner = Context.Credentials.UserId, WorldWritable = true, IsAnonymous = true };
        file = new OpenFile(inode, readable: true, writable: true) { ChargedPages = charged };
        return 0;
    }

    private ulong CountPages(ulong start, ulong end)
    {
        ulong pages = 0;
        for (ulong at = start; Areas.TryFind(at, out Vma vma) && vma.Start < end; at = vma.End)
        {
            pages += (Math.Min(vma.End, end) - Math.Max(vma.Start, start)) >> PageShift;
        }

        return pages;
    }
}
