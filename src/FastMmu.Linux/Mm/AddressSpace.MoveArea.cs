using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>The half of mremap that finds a new place and moves an area with its pages there.</content>
public sealed partial class AddressSpace
{
    // vrm_set_new_addr and move_vma
    private long PlaceAndMove(ref Remap remap, in Vma vma)
    {
        uint mapFlags = ((remap.Flags & MremapFlags.Fixed) != 0 ? MmapFlags.Fixed : 0)
            | ((vma.Flags & VmFlags.MayShare) != 0 ? MmapFlags.Shared : 0);
        ulong pageOffset = vma.PageOffset + ((remap.Address - vma.Start) >> PageShift);
        long placed = GetUnmappedArea(
            vma.File == 0 ? null : Machine.Files[vma.File], remap.GivesAddress ? remap.NewAddress : 0, remap.NewLength, pageOffset, mapFlags);
        if (Errno.IsError(placed))
        {
            return placed;
        }

        remap.NewAddress = (ulong)placed;
        if (Areas.Count >= Machine.Settings.MaxMapCount - 3)
        {
            return -Errno.ENOMEM;
        }

        if (SpecialMapping.IsSpecial(vma.Name) && (vma.Start != remap.Address || vma.Length != remap.OldLength))
        {
            return -Errno.EINVAL;
        }

        bool keepsOld = (remap.Flags & MremapFlags.DontUnmap) != 0;
        ulong charged = (vma.Flags & VmFlags.Account) == 0 ? 0 : (keepsOld ? remap.NewLength : remap.Delta) >> PageShift;
        return charged != 0 && !TryCharge(charged) ? -Errno.ENOMEM : MoveArea(remap, vma, pageOffset);
    }

    private long MoveArea(in Remap remap, Vma source, ulong pageOffset)
    {
        bool keepsOld = (remap.Flags & MremapFlags.DontUnmap) != 0;
        Vma target = CopyArea(source, remap, pageOffset, out bool merged);

        // The copy may have merged with its source, if that has no private pages yet.
        bool withSource = merged && target.Contains(source.Start);
        if (withSource)
        {
            source = target;
        }

        ulong moved = Tables.Move(source, remap.Address, target, remap.NewAddress, remap.OldLength);
        ulong hiwater = HiwaterVm;
        if (moved < remap.OldLength)
        {
            // No memory for tables: what was moved goes back and the copy goes away.
            Tables.Move(target, remap.NewAddress, source, remap.Address, moved);
            CountMoved(target.Flags, remap.NewLength >> PageShift);
            UnmapSource(remap.NewAddress, remap.NewLength, target, restoredBytes: keepsOld ? 0 : remap.OldLength);
            HiwaterVm = hiwater;
            return -Errno.ENOMEM;
        }

        CountMoved(source.Flags, remap.NewLength >> PageShift);
        if (keepsOld)
        {
            LeaveSource(remap, source, withSource);
        }
        else
        {
            UnmapSource(remap.Address, remap.OldLength, source, restoredBytes: remap.OldLength);
        }

        HiwaterVm = hiwater;
        return (long)remap.NewAddress;
    }

    // copy_vma: an area without private pages is numbered anew for its place, which lets it merge there.
    private Vma CopyArea(in Vma source, in Remap remap, ulong pageOffset, out bool merged)
    {
        ulong start = remap.NewAddress, end = start + remap.NewLength;
        if (source.AnonVma == 0 && Tables.IsAnonymous(source))
        {
            pageOffset = start >> PageShift;
        }

        merged = TryMergeNew(new Merge(source, start, end, pageOffset), onlyPrevious: false, out Vma target);
        if (!merged)
        {
            target = source;
            target.Start = start;
            target.End = end;
            target.PageOffset = pageOffset;
            Areas.Insert(target);
            Machine.AnonVmas.Attach(target);
            Machine.Files.Attach(target.File);
        }

        return target;
    }

    // dontunmap_complete: the old area loses its lock, all of it, and its anon_vma if it was moved whole.
    private void LeaveSource(in Remap remap, Vma source, bool withSource)
    {
        ulong start = source.Start;
        source.Flags &= ~LockedMask;
        if (!withSource && start == remap.Address && source.End == remap.Address + remap.OldLength)
        {
            Machine.AnonVmas.Detach(source);
            source.AnonVma = source.AnonChain = 0;
        }

        Areas.Replace(start, source);
    }

    // unmap_source_vma: the charge of these bytes has moved along, so that unmapping must not give it back.
    private void UnmapSource(ulong start, ulong length, in Vma source, ulong restoredBytes)
    {
        if (length != 0 && UnmapAligned(start, start + length) == 0 && (source.Flags & VmFlags.Account) != 0)
        {
            Machine.CommittedPages += restoredBytes >> PageShift;
        }
    }

    private void CountMoved(VmFlags flags, ulong pages)
    {
        Account(flags, (long)pages);
        if ((flags & VmFlags.Locked) != 0)
        {
            LockedVm += pages;
        }
    }
}
