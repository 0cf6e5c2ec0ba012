using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>The search for a free range (get_unmapped_area).</content>
public sealed partial class AddressSpace
{
    private const ulong HugePageSize = 1UL << 21;
    private const ulong Bit32End = 0x8000_0000;

    /// <summary>The end of the 47-bit window that searches keep to unless a hint above it asks for more (DEFAULT_MAP_WINDOW).</summary>
    private const ulong DefaultWindow = 0x7fff_ffff_f000;

    /// <summary>Whether the process makes 32-bit calls: no flags for the low or high part, no alignment to huge pages.</summary>
    public bool Is32Bit { get; set; }

    // The lowest address that belongs to an area: a growing one keeps a gap below it (vm_start_gap).
    private ulong StartWithGap(in Vma vma)
    {
        if ((vma.Flags & VmFlags.GrowsDown) == 0)
        {
            return vma.Start;
        }

        ulong gap = Machine.Settings.StackGuardGapPages << PageShift;
        return vma.Start > gap ? vma.Start - gap : 0;
    }

    // __get_unmapped_area: an address, or -errno.
    private long GetUnmappedArea(OpenFile? file, ulong address, ulong length, ulong pageOffset, uint flags)
    {
        if (length > TaskSize)
        {
            return -Errno.ENOMEM;
        }

        ulong found, mask = file is { Inode.Kind: InodeKind.HugePages } ? PageMaskOf(file.Inode) : 0;
        if ((length & mask) != 0 || ((flags & MmapFlags.Fixed) != 0 && (address & mask) != 0))
        {
            return -Errno.EINVAL;
        }

        if ((flags & MmapFlags.Fixed) != 0)
        {
            found = address;
        }
        else
        {
            long result = AlignsToHugePages(file, address, length, flags)
                ? SearchAligned(address, length, file is null ? 0 : pageOffset << PageShift, flags)
                : Search(AlignUp(address, mask), length, flags, mask);
            if (result < 0)
            {
                return result;
            }

            found = (ulong)result;
        }

        // What looks like an error number is handed on as one, even where the caller chose it as an address.
        if (Errno.IsError((long)found))
        {
            return (long)found;
        }

        if (found > TaskSize - length)
        {
            return -Errno.ENOMEM;
        }

        if (!IsAligned(found))
        {
            return -Errno.EINVAL;
        }

        return found < Machine.Settings.MmapMinAddress && !Context.Credentials.CanUseRawIo ? -Errno.EPERM : (long)found;
    }

    private bool AlignsToHugePages(OpenFile? file, ulong address, ulong length, uint flags)
    {
        if (!Machine.Settings.HugePageAlignment || Is32Bit)
        {
            return false;
        }

        if (file is not null)
        {
            // Filesystems with huge pages ask for the alignment, and /dev/zero for private memory.
            return file.Inode.Kind == InodeKind.Regular
                || (file.Inode.Kind == InodeKind.ZeroDevice && (flags & MmapFlags.Shared) == 0);
        }

        return address == 0 && (flags & MmapFlags.Shared) == 0 && Machine.Profile.AnonymousAlignment switch
        {
            HugePageAlignmentRule.None => false,
            HugePageAlignmentRule.LargeAreas => length >= HugePageSize,
            _ => (length & (HugePageSize - 1)) == 0,
        };
    }

    // thp_get_unmapped_area: asks for a huge page more and aligns in it, so that memory and file offset agree modulo 2 MiB.
    private long SearchAligned(ulong address, ulong length, ulong offset, uint flags)
    {
        ulong offsetEnd = offset + length;
        ulong alignedOffset = (offset + HugePageSize - 1) & ~(HugePageSize - 1);
        ulong padded = length + HugePageSize;
        if ((long)offsetEnd > (long)alignedOffset && offsetEnd - alignedOffset >= HugePageSize
            && padded >= length && offset + padded >= offset && padded <= TaskSize)
        {
            long result = Search(address, padded, flags);
            if (result >= 0)
            {
                ulong found = (ulong)result;
                if (found == address)
                {
                    return result;
                }

                ulong shift = (offset - found) & (HugePageSize - 1);
                return (long)(!BottomUp && shift == 0 ? found + HugePageSize : found + shift);
            }
        }

        return Search(address, length, flags);
    }

    // arch_get_unmapped_area and its top-down form. The mask has the bits that must be zero in what is found beyond those of every page.
    private long Search(ulong address, ulong length, uint flags, ulong mask = 0)
    {
        bool low = !Is32Bit && (flags & MmapFlags.Bit32) != 0;
        if (BottomUp || low)
        {
            return SearchUpwards(address, length, mask, low);
        }

        if (address != 0)
        {
            address &= ~(PageSize - 1);
            if (IsHintValid(address, length) && IsFree(address, length))
            {
                return (long)address;
            }
        }

        ulong floor = !Is32Bit && (flags & MmapFlags.Above4G) != 0 ? 1UL << 32 : PageSize;
        ulong ceiling = MmapBase;
        if (address > DefaultWindow && !Is32Bit)
        {
            ceiling += TaskSize - DefaultWindow;
        }

        long found = SearchDownwards(Math.Max(floor, Machine.Settings.MmapMinAddressEffective), ceiling, length, mask);
        return found >= 0 ? found : SearchUpwards(address, length, mask, low: false);
    }

    // mmap_address_hint_valid: a hint must not straddle the end of the 47-bit window.
    private bool IsHintValid(ulong address, ulong length) =>
        address <= TaskSize - length && (address > DefaultWindow) == (address + length > DefaultWindow);

    private bool IsFree(ulong address, ulong length) =>
        !Areas.TryFind(address, out Vma vma) || address + length <= StartWithGap(vma);

    // unmapped_area_topdown: gaps are taken from the top; one that reaches into the gap of a growing area is cut short and tried again.
    private long SearchDownwards(ulong floor, ulong ceiling, ulong length, ulong mask)
    {
        ulong padded = length + mask;
        while (floor < ceiling && Areas.TryFindHighestGap(floor, ceiling, padded, out ulong start))
        {
            ulong end = start + padded;
            if (!Areas.TryFind(end, out Vma next) || (next.Flags & VmFlags.GrowsDown) == 0 || StartWithGap(next) >= end)
            {
                return (long)AlignUp(start, mask);
            }

            ceiling = StartWithGap(next);
        }

        return -Errno.ENOMEM;
    }

    private long SearchUpwards(ulong address, ulong length, ulong mask, bool low)
    {
        ulong floor, ceiling;
        if (low)
        {
            floor = Bit32Base;
            ceiling = Bit32End;
        }
        else
        {
            floor = MmapLegacyBase;
            ceiling = address > DefaultWindow ? TaskSize : Math.Min(TaskSize, DefaultWindow);
        }

        if (length > ceiling)
        {
            return -Errno.ENOMEM;
        }

        if (address != 0)
        {
            address = AlignUp(address);
            if (ceiling - length >= address && IsFree(address, length))
            {
                return (long)address;
            }
        }

        floor = Math.Max(floor, Machine.Settings.MmapMinAddressEffective);
        ulong padded = length + mask;
        while (floor < ceiling && Areas.TryFindLowestGap(floor, ceiling, padded, out ulong start))
        {
            ulong aligned = AlignUp(start, mask);
            if (!Areas.TryFind(start, out Vma next) || (next.Flags & VmFlags.GrowsDown) == 0
                || StartWithGap(next) >= aligned + padded - 1)
            {
                return (long)aligned;
            }

            floor = next.End;
        }

        return -Errno.ENOMEM;
    }
}
