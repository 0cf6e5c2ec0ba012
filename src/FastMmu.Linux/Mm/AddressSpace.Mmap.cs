using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>mmap.</content>
public sealed partial class AddressSpace
{
    private const ulong LargestFile = long.MaxValue;

    /// <summary>mmap: maps memory or a file.</summary>
    /// <param name="address">Where, if <see cref="MmapFlags.Fixed"/>; otherwise a hint, 0 for none.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">Bits of <see cref="Protection"/>; others are ignored.</param>
    /// <param name="flags">Bits of <see cref="MmapFlags"/>.</param>
    /// <param name="descriptor">The file, unless <see cref="MmapFlags.Anonymous"/>.</param>
    /// <param name="offset">Where in the file, a multiple of 4096.</param>
    /// <returns>The address, or -errno; which of several errors wins is as in the kernel.</returns>
    public long Mmap(ulong address, ulong length, int protection, uint flags, int descriptor, ulong offset)
    {
        if (!IsAligned(offset))
        {
            return -Errno.EINVAL;
        }

        OpenFile? file = null;
        if ((flags & MmapFlags.Anonymous) == 0)
        {
            if (!Context.Files.TryGet(descriptor, out file) || file.PathOnly)
            {
                return -Errno.EBADF;
            }

            if (IsHuge(file))
            {
                length = AlignUp(length, PageMaskOf(file.Inode));
            }
            else if ((flags & MmapFlags.HugeTlb) != 0)
            {
                return -Errno.EINVAL;
            }
        }
        else if ((flags & MmapFlags.HugeTlb) != 0)
        {
            file = CreateHugePages(flags, length);
            if (file is null)
            {
                return -Errno.EINVAL;
            }

            length = AlignUp(length, PageMaskOf(file.Inode));
        }

        long result = Map(file, address, length, protection, flags, offset >> PageShift, out bool populate);
        if (populate)
        {
            Tables.Populate((ulong)result, (ulong)result + AlignUp(length), ignoreErrors: true);
        }

        return result;
    }

    // do_mmap
    private long Map(OpenFile? file, ulong address, ulong length, int protection, uint flags, ulong pageOffset, out bool populate)
    {
        populate = false;
        if (length == 0)
        {
            return -Errno.EINVAL;
        }

        if ((protection & Protection.Read) != 0 && ReadImpliesExec && file is not { Inode.NoExec: true })
        {
            protection |= Protection.Exec;
        }

        if ((flags & MmapFlags.FixedNoReplace) != 0)
        {
            flags |= MmapFlags.Fixed;
        }

        if ((flags & MmapFlags.Fixed) == 0)
        {
            address = RoundHint(address);
        }

        length = Word(AlignUp(length));
        if (length == 0)
        {
            return -Errno.ENOMEM;
        }

        if (Word(pageOffset + (length >> PageShift)) < pageOffset)
        {
            return -Errno.EOVERFLOW;
        }

        if (IsFull)
        {
            return -Errno.ENOMEM;
        }

        int key = protection == Protection.Exec ? ExecuteOnlyKey() : 0;
        VmFlags vmFlags = FlagsOf(protection, key) | FlagsOf(flags) | DefFlags | VmFlags.MayAccessMask;
        long found = GetUnmappedArea(file, address, length, pageOffset, flags);
        if (Errno.IsError(found))
        {
            return found;
        }

        address = (ulong)found;
        if ((flags & MmapFlags.FixedNoReplace) != 0 && Areas.TryFind(address, out Vma obstacle) && obstacle.Start < address + length)
        {
            return -Errno.EEXIST;
        }

        if ((flags & MmapFlags.Locked) != 0 && !CanLock)
        {
            return -Errno.EPERM;
        }

        if (!MayLock(vmFlags, length))
        {
            return -Errno.EAGAIN;
        }

        long error = file is null
            ? AnonymousKind(address, flags, ref vmFlags, ref pageOffset)
            : FileKind(file, length, protection, pageOffset, flags, ref vmFlags);
        if (error != 0)
        {
            return error;
        }

        if ((flags & MmapFlags.NoReserve) != 0 && (Machine.Settings.OvercommitMemory != 2 || IsHuge(file)))
        {
            vmFlags |= VmFlags.NoReserve;
        }

        error = MapRegion(file, address, length, vmFlags, pageOffset);
        if (error != 0)
        {
            return error;
        }

        populate = (vmFlags & VmFlags.Locked) != 0 || (flags & (MmapFlags.Populate | MmapFlags.NonBlock)) == MmapFlags.Populate;
        return (long)address;
    }

    // round_hint_to_min
    private ulong RoundHint(ulong address)
    {
        address &= ~(PageSize - 1);
        ulong lowest = Machine.Settings.MmapMinAddressEffective;
        return address != 0 && address < lowest ? AlignUp(lowest) : address;
    }

    private static VmFlags FlagsOf(int protection, int key) =>
        (VmFlags)(uint)(protection & (Protection.Read | Protection.Write | Protection.Exec)) | (VmFlags)((ulong)key << 32);

    private static VmFlags FlagsOf(uint flags)
    {
        VmFlags result = VmFlags.None;
        if ((flags & MmapFlags.GrowsDown) != 0)
        {
            result |= VmFlags.GrowsDown;
        }

        if ((flags & MmapFlags.Locked) != 0)
        {
            result |= VmFlags.Locked;
        }

        if ((flags & MmapFlags.Sync) != 0)
        {
            result |= VmFlags.Sync;
        }

        if ((flags & MmapFlags.Stack) != 0)
        {
            result |= VmFlags.NoHugePage;
        }

        return result;
    }

    private long AnonymousKind(ulong address, uint flags, ref VmFlags vmFlags, ref ulong pageOffset)
    {
        bool grows = (vmFlags & VmFlags.GrowsDown) != 0;
        switch (flags & MmapFlags.TypeMask)
        {
            case MmapFlags.Shared:
                if (grows)
                {
                    return -Errno.EINVAL;
                }

                pageOffset = 0;
                vmFlags |= VmFlags.Shared | VmFlags.MayShare;
                return 0;
            case MmapFlags.Droppable when Machine.Profile.KnowsDroppable:
                // A 32-bit kernel has no bit left for it.
                if (Machine.Is32Bit)
                {
                    return -Machine.Profile.MissingDroppable;
                }

                if (grows || (flags & (MmapFlags.Locked | MmapFlags.HugeTlb)) != 0)
                {
                    return -Errno.EINVAL;
                }

                vmFlags |= VmFlags.Droppable | VmFlags.NoReserve | VmFlags.WipeOnFork | VmFlags.DontDump;
                pageOffset = address >> PageShift;
                return 0;
            case MmapFlags.Private:
                pageOffset = address >> PageShift;
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    private long FileKind(OpenFile file, ulong length, int protection, ulong pageOffset, uint flags, ref VmFlags vmFlags)
    {
        Inode inode = file.Inode;
        ulong largest = inode.Kind is InodeKind.Regular or InodeKind.SharedMemory or InodeKind.HugePages ? LargestFile : ulong.MaxValue;
        if (length > largest || pageOffset > (largest - length) >> PageShift)
        {
            return -Errno.EOVERFLOW;
        }

        switch (flags & MmapFlags.TypeMask)
        {
            // Disk file systems know MAP_SYNC; that theirs is no memory of a device is found when everything else has been checked.
            case MmapFlags.SharedValidate when (flags & ~(MmapFlags.LegacyMask | (inode.Kind == InodeKind.Regular ? MmapFlags.Sync : 0))) != 0:
                return -Errno.EOPNOTSUPP;
            case MmapFlags.Shared or MmapFlags.SharedValidate:
                if (file.Writable ? inode.AppendOnly : (protection & Protection.Write) != 0)
                {
                    return -Errno.EACCES;
                }

                vmFlags |= VmFlags.Shared | VmFlags.MayShare;
                if (!file.Writable)
                {
                    vmFlags &= ~(VmFlags.MayWrite | VmFlags.Shared);
                }

                break;
            case MmapFlags.Private:
                break;
            default:
                return -Errno.EINVAL;
        }

        if (!file.Readable)
        {
            return -Errno.EACCES;
        }

        if (inode.NoExec)
        {
            if ((vmFlags & VmFlags.Exec) != 0)
            {
                return -Errno.EPERM;
            }

            vmFlags &= ~VmFlags.MayExec;
        }

        if (inode.Kind is InodeKind.Pipe or InodeKind.Directory)
        {
            return -Errno.ENODEV;
        }

        if ((vmFlags & VmFlags.GrowsDown) != 0)
        {
            return -Errno.EINVAL;
        }

        if (inode.SealedAgainstWrites && (vmFlags & VmFlags.Shared) != 0)
        {
            if ((vmFlags & VmFlags.Write) != 0)
            {
                return -Errno.EPERM;
            }

            vmFlags &= ~VmFlags.MayWrite;
        }

        return 0;
    }
}
