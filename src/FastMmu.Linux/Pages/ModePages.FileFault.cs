using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>Faults in areas of files and of the kernel's own mappings.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    private FaultStatus FileFault(ref Vma vma, ulong address, bool write)
    {
        if (vma.File == 0)
        {
            return SpecialFault(ref vma, address, write);
        }

        Inode inode = Machine.Files[vma.File].Inode;
        ulong page = vma.PageOffset + ((address - vma.Start) >> PageShift);
        if (!write)
        {
            FaultAround(vma, inode, address, page);
            TEntry* mapped = Find(address);
            if (mapped != null && !mapped->IsEmpty)
            {
                return FaultStatus.Resolved;
            }
        }

        bool copy = write && (vma.Flags & VmFlags.Shared) == 0;
        if (copy)
        {
            PrepareAnonVma(ref vma);
        }

        FaultStatus status = FindPage(vma, inode, page, out ulong frame);
        if (status != FaultStatus.Resolved)
        {
            return status;
        }

        TEntry* slot = Make(address);
        if (slot == null)
        {
            return FaultStatus.OutOfMemory;
        }

        if (copy)
        {
            return MapCopy(vma, slot, address, frame);
        }

        MapFilePage(vma, slot, frame, write);
        return FaultStatus.Resolved;
    }

    private FaultStatus FindPage(in Vma vma, Inode inode, ulong page, out ulong frame)
    {
        frame = 0;
        if (inode.Kind is not (InodeKind.Regular or InodeKind.SharedMemory) || page >= inode.PageCount)
        {
            return FaultStatus.BusError;
        }

        // MADV_RANDOM reads the page alone, MADV_SEQUENTIAL from it onwards.
        ulong before = (vma.Flags & VmFlags.RandRead) != 0 ? PageCache.ReadAroundPages
            : (vma.Flags & VmFlags.SeqRead) != 0 ? 0 : PageCache.ReadAroundPages / 2;
        return inode.Cache(Machine).TryFault(page, inode.PageCount, before, out frame) ? FaultStatus.Resolved : FaultStatus.OutOfMemory;
    }

    /// <summary>
    /// Maps the pages around a read that are in memory already (do_fault_around): the aligned sixteen, or as many from where the area begins,
    /// within the area and the table. They count whether or not the page that faulted is among them.
    /// </summary>
    private void FaultAround(in Vma vma, Inode inode, ulong address, ulong page)
    {
        ulong window = (ulong)Machine.FaultAroundPages;
        if (window <= 1 || inode.Kind is not (InodeKind.Regular or InodeKind.SharedMemory))
        {
            return;
        }

        ulong index = (address >> PageShift) & IndexMask;
        ulong offset = page - vma.PageOffset;
        ulong first = Math.Max(index & ~(window - 1), index - Math.Min(index, offset));
        ulong end = Math.Min(Math.Min(first + window, (ulong)EntriesInTable), index + vma.Pages - offset);
        ulong firstPage = page - (index - first);
        ulong endPage = Math.Min(page + (end - index), inode.PageCount);
        PageCache cache = inode.Cache(Machine);
        TEntry* slots = null;
        for (ulong at = firstPage; at < endPage; at++)
        {
            if (!cache.TryGet(at, out ulong frame))
            {
                continue;
            }

            // The table comes with the first page found; a window of nothing makes none.
            slots = slots == null ? Make(address) : slots;
            if (slots == null)
            {
                return;
            }

            TEntry* slot = slots + (long)(at - page);
            if (slot->IsEmpty)
            {
                MapFilePage(vma, slot, frame, write: false);
            }
        }
    }

    private void MapFilePage(in Vma vma, TEntry* slot, ulong frame, bool write)
    {
        ref PageFrame page = ref _pages[frame];
        ulong entry = Pte.Make(frame, ProtectionOf(vma.Flags, WantsWriteNotify(vma)));
        if (write)
        {
            page.MarkDirty();
            entry |= Pte.Write | Pte.Dirty;
        }
        else if ((entry & Pte.Write) != 0 && page.IsDirty)
        {
            entry |= Pte.Dirty;
        }

        Volatile.WriteBarrier();
        *slot = TEntry.Of(entry);
        page.MapAgain();
        CountFilePage(ref page);
    }

    private FaultStatus MapCopy(in Vma vma, TEntry* slot, ulong address, ulong from)
    {
        if (!_pages.TryAllocatePage(out ulong frame))
        {
            return FaultStatus.OutOfMemory;
        }

        _frames.Copy(from, frame);
        MapPrivate(vma, slot, address, frame, ProtectionOf(vma.Flags, notify: false));
        return FaultStatus.Resolved;
    }

    /// <summary>
    /// The vdso's pages are ordinary ones, copied by a debugger's write; of vvar there are frames only for the time and the random state
    /// (pages 0 and 2), and none for the clocks of hypervisors.
    /// </summary>
    private FaultStatus SpecialFault(ref Vma vma, ulong address, bool write)
    {
        ulong page = vma.PageOffset + ((address - vma.Start) >> PageShift);
        bool image = vma.Name is SpecialMapping.Vdso or SpecialMapping.Vdso32;
        if (!image && (vma.Name != SpecialMapping.Vvar || page is not (0 or 2)))
        {
            return FaultStatus.BusError;
        }

        if (write && image)
        {
            PrepareAnonVma(ref vma);
        }

        if (!Machine.TryGetSpecialFrame(vma.Name, page, out ulong frame))
        {
            return FaultStatus.OutOfMemory;
        }

        TEntry* slot = Make(address);
        if (slot == null)
        {
            return FaultStatus.OutOfMemory;
        }

        if (!image)
        {
            *slot = TEntry.Of(Pte.Make(frame, ProtectionOf(vma.Flags, notify: false)) | Pte.Special);
            return FaultStatus.Resolved;
        }

        if (write)
        {
            return MapCopy(vma, slot, address, frame);
        }

        MapFilePage(vma, slot, frame, write: false);
        return FaultStatus.Resolved;
    }
}
