using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>msync, mseal and remap_file_pages.</content>
public sealed partial class AddressSpace
{
    /// <summary>msync: write back later (MS_ASYNC).</summary>
    public const int MsAsync = 1;

    /// <summary>msync: drop other copies (MS_INVALIDATE).</summary>
    public const int MsInvalidate = 2;

    /// <summary>msync: write back now (MS_SYNC).</summary>
    public const int MsSync = 4;

    /// <summary>msync. Memory and files are the same pages here: nothing is to be written.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="flags">Bits of MS_*.</param>
    /// <returns>0; EINVAL; ENOMEM for a hole; EBUSY for MS_INVALIDATE on locked memory.</returns>
    public long Msync(ulong address, ulong length, int flags)
    {
        if ((flags & ~(MsAsync | MsInvalidate | MsSync)) != 0 || !IsAligned(address) || (flags & (MsAsync | MsSync)) == (MsAsync | MsSync))
        {
            return -Errno.EINVAL;
        }

        ulong end = Word(address + Word(AlignUp(length)));
        if (end < address)
        {
            return -Errno.ENOMEM;
        }

        long result = 0;
        for (ulong at = address; at < end;)
        {
            if (!Areas.TryFind(at, out Vma vma) || vma.Start >= end || (vma.Start > at && flags == MsAsync))
            {
                return -Errno.ENOMEM;
            }

            if (vma.Start > at)
            {
                result = -Errno.ENOMEM;
            }

            if ((flags & MsInvalidate) != 0 && (vma.Flags & VmFlags.Locked) != 0)
            {
                return -Errno.EBUSY;
            }

            at = vma.End;
        }

        return result;
    }

    /// <summary>mseal: forbids for good that areas are unmapped, moved or given other rights.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="flags">Must be 0.</param>
    /// <returns>0; EINVAL; ENOMEM for a hole or a split too many; ENOSYS before 6.10 and on 32-bit kernels.</returns>
    public long Mseal(ulong address, ulong length, ulong flags)
    {
        if (!Machine.Profile.KnowsSeals || Machine.Is32Bit)
        {
            return -Errno.ENOSYS;
        }

        if (!TryGetRange(address, length, out ulong end) || flags != 0)
        {
            return -Errno.EINVAL;
        }

        for (ulong at = address; at < end;)
        {
            if (!TryLookup(at, out Vma vma))
            {
                return -Errno.ENOMEM;
            }

            at = vma.End;
        }

        for (ulong at = address; at < end;)
        {
            TryLookup(at, out Vma vma);
            if ((vma.Flags & VmFlags.Sealed) == 0)
            {
                long error = ModifyFlags(vma, at, Math.Min(vma.End, end), vma.Flags | VmFlags.Sealed, out Vma sealedArea);
                if (error != 0)
                {
                    return error;
                }

                vma = sealedArea;
            }

            at = vma.End;
        }

        return 0;
    }

    /// <summary>remap_file_pages: shows other pages of the file in a part of a shared mapping. Since 4.0 it is an mmap over the part.</summary>
    /// <param name="address">An address in the first page.</param>
    /// <param name="size">Bytes, rounded down to pages.</param>
    /// <param name="protection">Must be 0.</param>
    /// <param name="pageOffset">The file's page to show first.</param>
    /// <param name="flags">Only <see cref="MmapFlags.NonBlock"/> matters.</param>
    /// <returns>0, EINVAL, or what mmap returns.</returns>
    public long RemapFilePages(ulong address, ulong size, int protection, ulong pageOffset, uint flags)
    {
        ulong start = address & ~(PageSize - 1);
        size &= ~(PageSize - 1);
        ulong end = start + size;
        if (protection != 0 || end <= start || pageOffset + (size >> PageShift) < pageOffset
            || !TryLookup(start, out Vma vma) || (vma.Flags & VmFlags.Shared) == 0)
        {
            return -Errno.EINVAL;
        }

        for (ulong at = vma.End; at < end;)
        {
            if (!Areas.TryFind(at, out Vma next) || next.Start != at || next.File != vma.File || next.Flags != vma.Flags)
            {
                return -Errno.EINVAL;
            }

            at = next.End;
        }

        uint mapFlags = (flags & MmapFlags.NonBlock) | MmapFlags.Shared | MmapFlags.Fixed | MmapFlags.Populate;
        if ((vma.Flags & VmFlags.Locked) != 0)
        {
            mapFlags |= MmapFlags.Locked;
        }

        long result = Map(Machine.Files[vma.File], start, size, (int)(vma.Flags & VmFlags.AccessMask), mapFlags, pageOffset, out bool populate);
        if (populate)
        {
            Tables.Populate(start, end, ignoreErrors: true);
        }

        return Errno.IsError(result) ? result : 0;
    }
}
