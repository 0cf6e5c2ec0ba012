using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    private const int ProtSem = 8;
    private const int ProtGrowsDown = 0x100_0000;
    private const int ProtGrowsUp = 0x200_0000;

    public long Mprotect(ulong start, ulong length, int protection)
    {
        int grows = protection & (ProtGrowsDown | ProtGrowsUp);
        protection &= ~grows;
        if (grows == (ProtGrowsDown | ProtGrowsUp) || start % Page != 0) return Inval;
        if (length == 0) return 0;
        ulong end = unchecked(start + RoundUp(length));
        if (end <= start) return Nomem;
        if ((protection & ~(7 | ProtSem)) != 0) return Inval;
        if (Intersecting(start, end) is not { } first) return Nomem;
        if (grows == ProtGrowsDown)
        {
            start = first.Start;
            if (!first.Has(VmFlags.GrowsDown)) return Inval;
        }
        else
        {
            if (first.Start > start) return Nomem;
            if (grows == ProtGrowsUp) return Inval;
        }

        return ForEachPart(start, end, (area, from, to) => ProtectPart(area, from, to, Rights(protection)));
    }

    // Parts from left to right without holes; the first problem ends it, and what was done before stays.
    private long ForEachPart(ulong start, ulong end, Func<ReferenceArea, ulong, ulong, (long Error, ulong Reached)> change)
    {
        if (Lookup(start) is null) return Nomem;
        ulong next = start;
        while (next < end)
        {
            if (Intersecting(next, end) is not { } area || area.Start > next) return Nomem;
            (long error, ulong reached) = change(area, next, Math.Min(area.End, end));
            if (error != 0) return error;
            next = reached;
        }

        return 0;
    }

    private (long Error, ulong Reached) ProtectPart(ReferenceArea area, ulong start, ulong end, VmFlags rights)
    {
        VmFlags old = area.Flags, flags = (old & ~VmFlags.AccessMask) | rights;
        // The right to have a right stands four bits above it.
        if (((ulong)rights & ~((ulong)old >> 4) & (ulong)VmFlags.AccessMask) != 0 || Denies(old, flags)) return (Acces, start);
        if ((old & VmFlags.Sealed) != 0) return (Perm, start);
        if (flags == old) return (0, end);
        ulong pages = (end - start) >> 12;
        if ((flags & VmFlags.Write) != 0)
        {
            if (!MayExpand(flags, pages) && MayExpand(old, pages)) return (Nomem, start);
            if ((old & (VmFlags.Account | VmFlags.Write | VmFlags.Shared | VmFlags.NoReserve)) == 0)
            {
                if (!MemoryIsEnough(pages)) return (Nomem, start);
                flags |= VmFlags.Account;
            }
        }
        else if (area.Has(VmFlags.Account) && area.IsAnonymous && area.AnonVma is null)
        {
            flags &= ~VmFlags.Account;
        }

        long error = Modify(area, start, end, flags, out ReferenceArea result);
        if (error != 0) return (error, start);
        bool becomesWritable = (old & (VmFlags.Write | VmFlags.Shared | VmFlags.Locked)) == VmFlags.Locked && (flags & VmFlags.Write) != 0;
        if (becomesWritable) Populate(start, end);
        return (0, result.End);
    }

    public long Mlock(ulong start, ulong length, bool onFault = false)
    {
        if (!MayLockAtAll) return Perm;
        length = RoundUp(unchecked(length + (start % Page)));
        start = RoundDown(start);
        ulong limit = Soft(LimitMemlock) >> 12, locked = (length >> 12) + LockedVm;
        if (locked > limit && !_settings.Privileged)
        {
            ulong upTo = ulong.MaxValue - length < start ? ulong.MaxValue : start + length;
            foreach (ReferenceArea area in _areas.Where(area => area.Has(VmFlags.Locked) && area.End > start && area.Start < upTo))
            {
                locked -= (Math.Min(area.End, upTo) - Math.Max(area.Start, start)) >> 12;
            }
        }

        if (locked > limit && !_settings.Privileged) return Nomem;
        long error = SetLocks(start, length, VmFlags.Locked | (onFault ? VmFlags.LockOnFault : 0));
        if (error != 0) return error;
        return Populate(start, start + length) == 0 ? 0 : Nomem;
    }

    public long Mlock2(ulong start, ulong length, int flags) => (flags & ~1) != 0 ? Inval : Mlock(start, length, flags == 1);

    public long Munlock(ulong start, ulong length) => SetLocks(RoundDown(start), RoundUp(unchecked(length + (start % Page))), 0);

    private long SetLocks(ulong start, ulong length, VmFlags locks)
    {
        ulong end = unchecked(start + length);
        if (end < start) return Inval;
        return end == start ? 0 : ForEachPart(start, end, (area, from, to) => LockPart(area, from, to, locks));
    }

    private (long Error, ulong Reached) LockPart(ReferenceArea area, ulong start, ulong end, VmFlags locks)
    {
        VmFlags old = area.Flags, flags = (old & ~LockedMask) | locks;
        if (flags == old || area.Has(VmFlags.Special | VmFlags.Droppable)) return (0, end);
        long error = Modify(area, start, end, flags, out ReferenceArea result);
        if (error != 0) return (error, start);
        ulong pages = (end - start) >> 12;
        if ((flags & VmFlags.Locked) == 0)
        {
            LockedVm -= pages;
        }
        else if ((old & VmFlags.Locked) == 0)
        {
            LockedVm += pages;
        }

        return (0, result.End);
    }

    public long Mlockall(int flags)
    {
        const int current = 1, future = 2, onFault = 4;
        if (flags == 0 || (flags & ~(current | future | onFault)) != 0 || flags == onFault) return Inval;
        if (!MayLockAtAll) return Perm;
        if ((flags & current) != 0 && TotalVm > Soft(LimitMemlock) >> 12 && !_settings.Privileged) return Nomem;
        VmFlags locks = VmFlags.Locked | ((flags & onFault) != 0 ? VmFlags.LockOnFault : 0);
        _defaults = (flags & future) != 0 ? locks : 0;
        if ((flags & current) == 0) return 0;
        LockAll(locks);
        foreach (ReferenceArea area in _areas.ToArray()) Populate(area.Start, area.End);
        return 0;
    }

    public long Munlockall()
    {
        _defaults = 0;
        LockAll(0);
        return 0;
    }

    private void LockAll(VmFlags locks)
    {
        ulong next = 0;
        while (Find(next) is { } area)
        {
            ulong end = area.End;
            (long error, ulong reached) = LockPart(area, Math.Max(area.Start, next), end, locks);
            next = error == 0 ? reached : end;
        }
    }

    public long Mseal(ulong start, ulong length, ulong flags)
    {
        if (flags != 0 || start % Page != 0) return Inval;
        ulong rounded = RoundUp(length), end = unchecked(start + rounded);
        if ((length != 0 && rounded == 0) || end < start) return Inval;
        if (end == start) return 0;
        ulong next = start;
        while (next < end)
        {
            if (Lookup(next) is not { } area) return Nomem;
            next = area.End;
        }

        return ForEachPart(start, end, (area, from, to) =>
        {
            if (area.Has(VmFlags.Sealed)) return (0, to);
            long error = Modify(area, from, to, area.Flags | VmFlags.Sealed, out ReferenceArea result);
            return (error, result.End);
        });
    }

    public long Msync(ulong start, ulong length, int flags)
    {
        const int async = 1, invalidate = 2, sync = 4;
        if ((flags & ~(async | invalidate | sync)) != 0 || start % Page != 0 || (flags & (async | sync)) == (async | sync)) return Inval;
        ulong end = unchecked(start + RoundUp(length));
        if (end < start) return Nomem;
        long result = 0;
        while (start < end)
        {
            if (Find(start) is not { } area) return Nomem;
            if (start < area.Start)
            {
                if (flags == async || area.Start >= end) return Nomem;
                result = Nomem;
            }

            if ((flags & invalidate) != 0 && area.Has(VmFlags.Locked)) return Busy;
            start = area.End;
        }

        return result;
    }

    /// <summary>The error of mincore, or 0; what it writes is not modelled.</summary>
    public long Mincore(ulong start, ulong length)
    {
        if (start % Page != 0) return Inval;
        ulong sum = unchecked(start + length);
        if (sum < start || sum > _settings.TaskSize) return Nomem;
        for (ulong end = start + RoundUp(length); start < end;)
        {
            if (Lookup(start) is not { } area) return Nomem;
            start = area.End;
        }

        return 0;
    }
}
