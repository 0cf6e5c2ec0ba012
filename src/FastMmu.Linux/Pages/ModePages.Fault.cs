using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>Faults inside an area: demand zero, copy-on-write, and the choice between them and the file's.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override FaultStatus Fault(Vma vma, ulong address, bool write)
    {
        if ((vma.Flags & VmFlags.HugeTlb) != 0)
        {
            return HugeFault(vma, address);
        }

        address &= ~(PageBytes - 1);
        if (!MakeUpper(address))
        {
            return FaultStatus.OutOfMemory;
        }

        TEntry* slot = Find(address);
        ulong entry = slot == null ? 0 : slot->Value;
        if (entry == 0)
        {
            return IsAnonymous(vma) ? AnonymousFault(ref vma, address, write) : FileFault(ref vma, address, write);
        }

        if (!Pte.IsPresent(entry))
        {
            return FaultStatus.SegmentationFault;
        }

        BeforeWrite(slot);
        if (write && (entry & Pte.Write) == 0)
        {
            return WriteProtectFault(ref vma, slot, address);
        }

        Mark(slot, Pte.Accessed, write);
        return FaultStatus.Resolved;
    }

    // hugetlb_fault: the tables above a huge page are made before there turns out to be none.
    private FaultStatus HugeFault(in Vma vma, ulong address) =>
        MakeEntry(address, Machine.Files[vma.File].Inode.PageShift) == null ? FaultStatus.OutOfMemory : FaultStatus.BusError;

    private FaultStatus AnonymousFault(ref Vma vma, ulong address, bool write)
    {
        TEntry* slot = Make(address);
        if (slot == null)
        {
            return FaultStatus.OutOfMemory;
        }

        ulong protection = ProtectionOf(vma.Flags, notify: false);
        if (!write)
        {
            if (!Machine.TryGetZeroFrame(out ulong zero))
            {
                return FaultStatus.OutOfMemory;
            }

            *slot = TEntry.Of(Pte.Make(zero, protection) | Pte.Special);
            return FaultStatus.Resolved;
        }

        PrepareAnonVma(ref vma);
        if (!_pages.TryAllocatePage(out ulong frame))
        {
            return FaultStatus.OutOfMemory;
        }

        _frames.Clear(frame);
        MapPrivate(vma, slot, address, frame, protection);
        return FaultStatus.Resolved;
    }

    private FaultStatus WriteProtectFault(ref Vma vma, TEntry* slot, ulong address)
    {
        ulong entry = slot->Value;
        bool special = (entry & Pte.Special) != 0;
        ulong frame = Pte.Frame(entry);
        if ((vma.Flags & (VmFlags.Shared | VmFlags.MayShare)) != 0)
        {
            if (!special)
            {
                _pages[frame].MarkDirty();
            }

            Reuse(vma, slot, address);
            return FaultStatus.Resolved;
        }

        if (!special && _pages[frame].IsAnonymous)
        {
            ref PageFrame page = ref _pages[frame];
            if (!page.IsExclusive && page.RefCount == 1)
            {
                page.BecomeExclusive(vma.AnonVma);
            }

            if (page.IsExclusive)
            {
                Reuse(vma, slot, address);
                return FaultStatus.Resolved;
            }
        }

        PrepareAnonVma(ref vma);
        if (!_pages.TryAllocatePage(out ulong copy))
        {
            return FaultStatus.OutOfMemory;
        }

        if (special)
        {
            _frames.Clear(copy);
        }
        else
        {
            _frames.Copy(frame, copy);
        }

        // No processor may write to the new page while another still reads the old one.
        Take(slot, Walked);
        Changed(address);
        Flush();
        if (!special)
        {
            ref PageFrame page = ref _pages[frame];
            Uncount(ref page);
            page.MapCount--;
            _pages.Put(frame);
        }

        MapPrivate(vma, slot, address, copy, ProtectionOf(vma.Flags, notify: false));
        return FaultStatus.Resolved;
    }

    // The page is the writer's own: only the entry changes.
    private void Reuse(in Vma vma, TEntry* slot, ulong address)
    {
        Mark(slot, Pte.Accessed | ((vma.Flags & VmFlags.Write) != 0 ? Pte.Write : 0), dirty: true);
        Changed(address);
        Flush();
    }

    // A new page of the process's own; its contents are there already.
    private void MapPrivate(in Vma vma, TEntry* slot, ulong address, ulong frame, ulong protection)
    {
        _pages[frame].BecomeAnonymous(vma.AnonVma, vma.PageOffset + ((address - vma.Start) >> PageShift));
        if ((vma.Flags & VmFlags.Write) != 0)
        {
            protection |= Pte.Write | Pte.Dirty;
        }

        // What is in the page comes before the page.
        Volatile.WriteBarrier();
        *slot = TEntry.Of(Pte.Make(frame, protection));
        RssAnon++;
        Changes++;
    }
}
