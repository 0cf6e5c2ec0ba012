using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>Faults inside an area: demand zero, copy-on-write, and the choice between them and the file's.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Brings a page in, or makes it writable (handle_mm_fault). The caller has checked that the area allows the access.</summary>
    /// <param name="vma">The area that contains the address; gets an anon_vma if it needs one.</param>
    /// <param name="address">Any address in the page.</param>
    /// <param name="write">Whether the access is a write.</param>
    internal FaultStatus Fault(Vma vma, ulong address, bool write)
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

        ulong* slot = Find(address);
        ulong entry = slot == null ? 0 : *slot;
        if (entry == 0)
        {
            return IsAnonymous(vma) ? AnonymousFault(ref vma, address, write) : FileFault(ref vma, address, write);
        }

        if (!Pte.IsPresent(entry))
        {
            return FaultStatus.SegmentationFault;
        }

        if (write && (entry & Pte.Write) == 0)
        {
            return WriteProtectFault(ref vma, slot, address);
        }

        *slot = (write ? Pte.MakeDirty(entry) : entry) | Pte.Accessed;
        return FaultStatus.Resolved;
    }

    // hugetlb_fault: the tables above a huge page are made before there turns out to be none.
    private FaultStatus HugeFault(in Vma vma, ulong address) =>
        MakeEntry(address, _machine.Files[vma.File].Inode.PageShift) == null ? FaultStatus.OutOfMemory : FaultStatus.BusError;

    /// <summary>Whether an area shows nothing but private memory: no file, or a private mapping of /dev/zero.</summary>
    internal bool IsAnonymous(in Vma vma) => vma.File == 0
        ? !SpecialMapping.IsSpecial(vma.Name)
        : _machine.Files[vma.File].Inode.Kind == InodeKind.ZeroDevice;

    private FaultStatus AnonymousFault(ref Vma vma, ulong address, bool write)
    {
        ulong* slot = Make(address);
        if (slot == null)
        {
            return FaultStatus.OutOfMemory;
        }

        ulong protection = PageProtection.Of(vma.Flags, notify: false);
        if (!write)
        {
            if (!_machine.TryGetZeroFrame(out ulong zero))
            {
                return FaultStatus.OutOfMemory;
            }

            *slot = Pte.Make(zero, protection) | Pte.Special;
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

    private FaultStatus WriteProtectFault(ref Vma vma, ulong* slot, ulong address)
    {
        ulong entry = *slot;
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
            ref PageFrame page = ref _pages[frame];
            Uncount(ref page);
            page.MapCount--;
            _pages.Put(frame);
        }

        MapPrivate(vma, slot, address, copy, PageProtection.Of(vma.Flags, notify: false));
        Changed(address);
        Flush();
        return FaultStatus.Resolved;
    }

    // The page is the writer's own: only the entry changes.
    private void Reuse(in Vma vma, ulong* slot, ulong address)
    {
        ulong entry = *slot | Pte.Accessed | ((vma.Flags & VmFlags.Write) != 0 ? Pte.Write : 0);
        *slot = Pte.MakeDirty(entry);
        Changed(address);
        Flush();
    }

    // A new page of the process's own; its contents are there already.
    private void MapPrivate(in Vma vma, ulong* slot, ulong address, ulong frame, ulong protection)
    {
        _pages[frame].BecomeAnonymous(vma.AnonVma, vma.PageOffset + ((address - vma.Start) >> PageShift));
        if ((vma.Flags & VmFlags.Write) != 0)
        {
            protection |= Pte.Write | Pte.Dirty;
        }

        *slot = Pte.Make(frame, protection);
        RssAnon++;
        Changes++;
    }

    /// <summary>Gives an area its anon_vma before its first private page: a neighbour's, if they could be one area (find_mergeable_anon_vma), or a new one.</summary>
    internal void PrepareAnonVma(ref Vma vma)
    {
        if (vma.AnonVma != 0)
        {
            return;
        }

        VmaTree areas = _space.Areas;
        if (areas.TryFind(vma.End, out Vma next) && Adjoin(vma, next) && IsReusable(next))
        {
            vma.AnonVma = next.AnonVma;
        }
        else if (areas.TryFindBefore(vma.Start, out Vma previous) && Adjoin(previous, vma) && IsReusable(previous))
        {
            vma.AnonVma = previous.AnonVma;
        }

        if (vma.AnonVma == 0)
        {
            _machine.AnonVmas.Prepare(ref vma);
        }
        else
        {
            vma.AnonChain = 0;
            _machine.AnonVmas.Attach(vma);
        }

        areas.Replace(vma.Start, vma);
    }

    // In a forked child the pages may belong to ancestors' groups as well: such a group is not lent.
    private static bool IsReusable(in Vma vma) => vma.AnonVma != 0 && vma.AnonChain == 0;

    private static bool Adjoin(in Vma low, in Vma high) =>
        low.End == high.Start && low.File == high.File && low.Policy == high.Policy
        && ((low.Flags ^ high.Flags) & ~(VmFlags.AccessMask | VmFlags.SoftDirty | VmFlags.MaybeGuard)) == 0
        && high.PageOffset == low.PageOffset + low.Pages;
}
