using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    private const uint MayMove = 1;
    private const uint Fixed = 2;
    private const uint DontUnmap = 4;

    public long Mremap(ulong address, ulong oldLength, ulong newLength, uint flags, ulong newAddress)
    {
        oldLength = RoundUp(oldLength);
        newLength = RoundUp(newLength);
        if ((flags & ~(MayMove | Fixed | DontUnmap)) != 0 || address % Page != 0 || newLength == 0 || newLength > _settings.TaskSize) return Inval;
        bool elsewhere = (flags & (Fixed | DontUnmap)) != 0;
        if (elsewhere)
        {
            if (newAddress > _settings.TaskSize - newLength || newAddress % Page != 0 || (flags & MayMove) == 0) return Inval;
            if ((flags & DontUnmap) != 0 && oldLength != newLength) return Inval;
            if (unchecked(address + oldLength) > newAddress && newAddress + newLength > address) return Inval;
            if (MapCount + 2 >= (ulong)_settings.MaxMapCount - 3) return Nomem;
        }

        if ((flags & Fixed) != 0 && oldLength == newLength) return MoveAll(address, oldLength, newAddress, flags);
        ReferenceArea? area = Lookup(address);
        long refused = CheckMove(area, address, oldLength, newLength, flags);
        if (refused != 0) return refused;
        if (elsewhere) return MoveTo(address, oldLength, newLength, newAddress, flags);
        if (newLength == oldLength) return (long)address;
        if (newLength < oldLength)
        {
            long error = Munmap(address + newLength, oldLength - newLength);
            return error != 0 ? error : (long)address;
        }

        return Expand(area!, address, oldLength, newLength, flags);
    }

    // Several areas at once, with the holes between them; what has moved stays moved when a later one fails.
    private long MoveAll(ulong start, ulong length, ulong target, uint flags)
    {
        ulong end = start + length, lastEnd = 0, next = start;
        long result = Fault;
        bool first = true;
        while (next < end && Intersecting(next, end) is { } area)
        {
            ulong from = Math.Max(area.Start, start), to = Math.Min(end, area.End);
            if (first && start < area.Start) return Fault;
            if (!first) target += area.Start - lastEnd;
            lastEnd = area.End;
            next = lastEnd;
            // A device places its own mappings.
            bool alone = area.File?.Inode.Kind == ReferenceFileKind.Zero;
            if (alone && (!first || area.End < end)) return Fault;

            long moved = CheckMove(area, from, to - from, to - from, flags);
            if (moved == 0) moved = MoveTo(from, to - from, to - from, target, flags);
            if (IsError((ulong)moved)) return moved;
            if (first) result = moved;
            first = false;
            target = (ulong)moved + (to - from);
        }

        return result;
    }

    private long CheckMove(ReferenceArea? area, ulong address, ulong oldLength, ulong newLength, uint flags)
    {
        if (area is null) return Fault;
        if (area.Has(VmFlags.Sealed)) return Perm;
        if (newLength <= oldLength && (flags & (Fixed | DontUnmap)) == 0) return 0;
        if (oldLength == 0 && !area.Has(VmFlags.Shared | VmFlags.MayShare)) return Inval;
        if ((flags & DontUnmap) != 0 && area.Has(VmFlags.DontExpand | VmFlags.PfnMap)) return Inval;
        if (newLength < oldLength) oldLength = newLength;
        if (oldLength > area.End - address) return Fault;
        if (newLength == oldLength) return 0;
        ulong pageOffset = area.PageOffsetAt(address);
        if (unchecked(pageOffset + (newLength >> 12)) < pageOffset) return Inval;
        if (area.Has(VmFlags.DontExpand | VmFlags.PfnMap)) return Fault;
        if (!MayLock(area.Flags, newLength - oldLength)) return Again;
        return MayExpand(area.Flags, (newLength - oldLength) >> 12) ? 0 : Nomem;
    }

    private long MoveTo(ulong address, ulong oldLength, ulong newLength, ulong newAddress, uint flags)
    {
        if ((flags & Fixed) != 0 && Munmap(newAddress, newLength) is var refused and not 0) return refused;
        if (Lookup(address) is not { } area) return Fault;
        if (newLength < oldLength)
        {
            long error = Munmap(address + newLength, oldLength - newLength);
            if (error != 0) return error;
            oldLength = newLength;
            if (Lookup(address) is not { } left) return Fault;
            area = left;
        }

        if ((flags & DontUnmap) != 0 && !MayExpand(area.Flags, oldLength >> 12)) return Nomem;
        return Move(area, address, oldLength, newLength, newAddress, flags);
    }

    private long Expand(ReferenceArea area, ulong address, ulong oldLength, ulong newLength, uint flags)
    {
        ulong delta = newLength - oldLength, end = unchecked(area.End + delta);
        bool inPlace = address + oldLength == area.End && end > area.End && Intersecting(area.End, end) is null
            && !IsError(Place(null, area.Start, end - area.Start, 0, MapFixed));
        if (!inPlace) return (flags & MayMove) == 0 ? Nomem : Move(area, address, oldLength, newLength, 0, flags);
        if (area.Has(VmFlags.Account) && !MemoryIsEnough(delta >> 12)) return Nomem;
        ulong from = area.End;
        var proposal = new Proposal(from, end, area.Flags, area.PageOffset + area.Pages, area.File) { AnonVma = area.AnonVma };
        if (MergeNew(proposal) is not { } grown) return Nomem;
        if (grown.Has(VmFlags.Locked))
        {
            LockedVm += delta >> 12;
            Populate(address + oldLength, address + newLength);
        }

        return (long)address;
    }

    // move_vma: another area, merged where it comes to lie; the pages go over; the old one goes, or stays empty.
    private long Move(ReferenceArea area, ulong address, ulong oldLength, ulong newLength, ulong newAddress, uint flags)
    {
        uint mapFlags = ((flags & Fixed) != 0 ? MapFixed : 0) | (area.Has(VmFlags.MayShare) ? MapShared : 0);
        ulong pageOffset = area.PageOffsetAt(address);
        newAddress = Place(area.File, (flags & (Fixed | DontUnmap)) != 0 ? newAddress : 0, newLength, pageOffset, mapFlags);
        if (IsError(newAddress)) return (long)newAddress;
        if (MapCount >= (ulong)_settings.MaxMapCount - 3) return Nomem;
        if (area.Special is not null && (area.Start != address || area.End != address + oldLength)) return Inval;
        bool keeps = (flags & DontUnmap) != 0;
        ulong charge = keeps ? newLength : newLength - oldLength;
        if (area.Has(VmFlags.Account) && !MemoryIsEnough(charge >> 12)) return Nomem;

        ulong oldStart = area.Start, oldEnd = area.End, newEnd = newAddress + newLength;
        bool locked = area.Has(VmFlags.Locked);
        if (area.IsAnonymous && area.AnonVma is null) pageOffset = newAddress >> 12;
        ReferenceArea? target = MergeNew(new Proposal(newAddress, newEnd, area.Flags, pageOffset, area.File) { AnonVma = area.AnonVma, CopiedFrom = area });
        if (target is null)
        {
            target = area.Copy();
            (target.Start, target.End, target.PageOffset) = (newAddress, newEnd, pageOffset);
            _areas.Add(target);
            Sort();
        }

        // An area that has seen no page may have merged with its own copy.
        if (!_areas.Contains(area) || (address >= target.Start && address < target.End)) area = target;
        MovePages(address, oldLength, newAddress);
        if (locked) LockedVm += newLength >> 12;
        if (keeps)
        {
            area.Flags &= ~LockedMask;
            if (area != target && address == oldStart && address + oldLength == oldEnd)
            {
                area.AnonVma = null;
                area.Chain = 0;
            }
        }
        else if (oldLength != 0)
        {
            Remove(address, address + oldLength);
        }

        if (locked && newLength > oldLength) Populate(newAddress + oldLength, newEnd);
        return (long)newAddress;
    }

    private void MovePages(ulong from, ulong length, ulong to)
    {
        foreach (HashSet<ulong> pages in new[] { AnonPages, Guards })
        {
            ulong[] moved = [.. pages.Where(page => page >= from && page < from + length)];
            pages.ExceptWith(moved);
            pages.UnionWith(moved.Select(page => page - from + to));
        }
    }
}
