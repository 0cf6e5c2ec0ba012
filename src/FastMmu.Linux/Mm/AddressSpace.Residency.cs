using FastMmu.Addresses;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Pages;
using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <content>What is in memory, and files that change their size.</content>
public sealed partial class AddressSpace
{
    /// <summary>mincore: which pages of a range are in memory.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="length">Bytes; rounded up to pages.</param>
    /// <param name="vector">Receives a byte a page, 1 for one in memory. What is written before an error stays.</param>
    /// <returns>0, -EINVAL, -ENOMEM, or -EFAULT if <paramref name="vector"/> is too short.</returns>
    /// <remarks>Of files that the process may not write every page is reported, so that nobody learns what others read.</remarks>
    public long Mincore(ulong address, ulong length, Span<byte> vector)
    {
        long refused = CheckMincore(address, length, out ulong pages);
        if (refused != 0 || pages == 0)
        {
            return refused;
        }

        for (ulong i = 0; i < pages; i++)
        {
            if (!IsInCore(address + (i << PageShift), out bool resident))
            {
                return -Errno.ENOMEM;
            }

            // A hole before the byte that does not fit is what the kernel meets first.
            if (i >= (ulong)vector.Length)
            {
                return -Errno.EFAULT;
            }

            vector[(int)i] = resident ? (byte)1 : (byte)0;
        }

        return 0;
    }

    /// <summary>mincore, with the vector in the program's memory.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="length">Bytes; rounded up to pages.</param>
    /// <param name="vector">Where the program wants the bytes.</param>
    /// <returns>0, -EINVAL, -ENOMEM, or -EFAULT where the vector cannot be written.</returns>
    /// <remarks>As in the kernel, bytes are delivered in pieces of a page, and a piece is looked up before it is written.</remarks>
    public long Mincore(ulong address, ulong length, ulong vector)
    {
        long refused = CheckMincore(address, length, out ulong pages);
        if (refused != 0 || pages == 0)
        {
            return refused;
        }

        if (vector + pages < vector || vector + pages > UserEnd)
        {
            return -Errno.EFAULT;
        }

        Span<byte> piece = stackalloc byte[(int)PageSize];
        for (ulong done = 0; done < pages;)
        {
            int count = 0;
            bool mapped = true;
            while (mapped && count < piece.Length && done + (ulong)count < pages)
            {
                mapped = IsInCore(address + ((done + (ulong)count) << PageShift), out bool resident);
                if (mapped)
                {
                    piece[count++] = resident ? (byte)1 : (byte)0;
                }
            }

            if (count > 0 && !Write(vector + done, piece[..count]).IsResolved)
            {
                return -Errno.EFAULT;
            }

            if (!mapped)
            {
                return -Errno.ENOMEM;
            }

            done += (ulong)count;
        }

        return 0;
    }

    /// <summary>The entry of a page in /proc/PID/pagemap.</summary>
    /// <param name="address">Any address in the page.</param>
    /// <param name="showFrames">Whether the reader may see frame numbers (CAP_SYS_ADMIN).</param>
    /// <returns>The 64 bits; 0 where nothing is, or beyond the user's half.</returns>
    public ulong Pagemap(ulong address, bool showFrames = false) => address < UserEnd ? Tables.Peek(address).ToPagemap(showFrames) : 0;

    /// <summary>ftruncate: changes the size of a file. Pages behind the new end vanish from all processes, private copies included.</summary>
    /// <param name="descriptor">The file, open for writing.</param>
    /// <param name="length">The new size.</param>
    /// <returns>0, -EINVAL, -EBADF, -EPERM for a seal, or -EFBIG.</returns>
    public long Ftruncate(int descriptor, ulong length)
    {
        if ((long)length < 0)
        {
            return -Errno.EINVAL;
        }

        if (!Context.Files.TryGet(descriptor, out OpenFile? file) || file.PathOnly)
        {
            return -Errno.EBADF;
        }

        Inode inode = file.Inode;
        if (inode.Kind is not (InodeKind.Regular or InodeKind.SharedMemory) || !file.Writable)
        {
            return -Errno.EINVAL;
        }

        if (inode.AppendOnly || (length < inode.Size && inode.SealedAgainstShrinking) || (length > inode.Size && inode.SealedAgainstGrowing))
        {
            return -Errno.EPERM;
        }

        // Blocks of 4 KiB numbered with 32 bits are what a file of a disk can have.
        const ulong largestOnDisk = ((1UL << 32) - 1) << PageShift;
        if (inode.Kind == InodeKind.Regular && length > largestOnDisk)
        {
            return -Errno.EFBIG;
        }

        inode.Truncate(Machine, length);
        return 0;
    }

    private long CheckMincore(ulong address, ulong length, out ulong pages)
    {
        pages = (length >> PageShift) + ((length & (PageSize - 1)) != 0 ? 1UL : 0);
        if ((address & (PageSize - 1)) != 0)
        {
            return -Errno.EINVAL;
        }

        return address + length < address || address + length > UserEnd ? -Errno.ENOMEM : 0;
    }

    private bool IsInCore(ulong address, out bool resident)
    {
        resident = false;
        if (!Areas.TryFind(address, out Vma vma) || vma.Start > address)
        {
            return false;
        }

        bool anonymous = Tables.IsAnonymous(vma);
        Inode? inode = vma.File == 0 ? null : Machine.Files[vma.File].Inode;
        // The kernel's own mappings have no file that could be asked, and count as such.
        if (!anonymous && (inode is null || !Tables.MayWrite(inode)))
        {
            resident = true;
            return true;
        }

        resident = Pte.IsPresent(Tables.EntryOf(address));
        if (!resident && inode is { Kind: InodeKind.Regular or InodeKind.SharedMemory })
        {
            ulong page = vma.PageOffset + ((address - vma.Start) >> PageShift);
            resident = page < inode.PageCount && inode.Cache(Machine).TryGet(page, out _);
        }

        return true;
    }
}
