using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    private const int Normal = 0, Random = 1, Sequential = 2, WillNeed = 3, DontNeed = 4, Free = 8, RemoveAdvice = 9, DontFork = 10, DoFork = 11,
        Mergeable = 12, Unmergeable = 13, HugePage = 14, NoHugePage = 15, DontDump = 16, DoDump = 17, WipeOnFork = 18, KeepOnFork = 19, Cold = 20,
        PageOut = 21, PopulateRead = 22, PopulateWrite = 23, DontNeedLocked = 24, Collapse = 25, HwPoison = 100, SoftOffline = 101,
        GuardInstall = 102, GuardRemove = 103;

    public long Madvise(ulong start, ulong length, int advice)
    {
        bool known = advice is >= Normal and <= DontNeed or >= Free and <= Collapse or >= HwPoison and <= GuardRemove;
        if (!known || start % Page != 0) return Inval;
        ulong rounded = RoundUp(length), end = unchecked(start + rounded);
        if ((length != 0 && rounded == 0) || end < start) return Inval;
        if (end == start) return 0;
        if (advice is HwPoison or SoftOffline) return Perm;
        if (advice is PopulateRead or PopulateWrite) return PopulateAdvised(start, end, advice == PopulateWrite);

        long result = 0;
        while (start < end)
        {
            if (Find(start) is not { } area) return Nomem;
            if (start < area.Start)
            {
                result = Nomem;
                start = area.Start;
                if (start >= end) break;
            }

            (long error, ulong reached) = Advise(area, start, Math.Min(area.End, end), advice);
            if (error != 0) return error == Nomem ? Again : error;
            start = reached;
        }

        return result;
    }

    private (long Error, ulong Reached) Advise(ReferenceArea area, ulong start, ulong end, int advice)
    {
        bool destroys = advice is Free or DontNeed or DontNeedLocked or RemoveAdvice or DontFork or WipeOnFork or GuardInstall;
        if (destroys && area.Has(VmFlags.Sealed) && area.IsAnonymous && !area.Has(VmFlags.Write)) return (Perm, start);
        VmFlags flags = area.Flags;
        bool special = area.Has(VmFlags.Special);
        switch (advice)
        {
            case Normal:
                flags &= ~(VmFlags.RandRead | VmFlags.SeqRead);
                break;
            case Sequential:
                flags = (flags & ~VmFlags.RandRead) | VmFlags.SeqRead;
                break;
            case Random:
                flags = (flags & ~VmFlags.SeqRead) | VmFlags.RandRead;
                break;
            case DontFork:
                flags |= VmFlags.DontCopy;
                break;
            case DoFork:
                if (area.Has(VmFlags.Io)) return (Inval, start);
                flags &= ~VmFlags.DontCopy;
                break;
            case WipeOnFork:
                if (area.File is not null || area.Has(VmFlags.Shared)) return (Inval, start);
                flags |= VmFlags.WipeOnFork;
                break;
            case KeepOnFork:
                if (area.Has(VmFlags.Droppable)) return (Inval, start);
                flags &= ~VmFlags.WipeOnFork;
                break;
            case DontDump:
                flags |= VmFlags.DontDump;
                break;
            case DoDump:
                if (special || area.Has(VmFlags.Droppable)) return (Inval, start);
                flags &= ~VmFlags.DontDump;
                break;
            case Mergeable:
                if (!area.Has(VmFlags.Shared | VmFlags.MayShare | VmFlags.Special | VmFlags.Droppable)) flags |= VmFlags.Mergeable;
                break;
            case Unmergeable:
                flags &= ~VmFlags.Mergeable;
                break;
            case HugePage:
                flags = (flags & ~VmFlags.NoHugePage) | VmFlags.HugePage;
                break;
            case NoHugePage:
                flags = (flags & ~VmFlags.HugePage) | VmFlags.NoHugePage;
                break;
            default:
                return (AdvisePages(area, start, end, advice), end);
        }

        if (flags == area.Flags) return (0, end);
        long refused = Modify(area, start, end, flags, out ReferenceArea result);
        return refused == 0 ? (0, Math.Max(end, result.End)) : (refused, start);
    }

    private long AdvisePages(ReferenceArea area, ulong start, ulong end, int advice)
    {
        switch (advice)
        {
            case DontNeed or DontNeedLocked:
                if (area.Has(VmFlags.PfnMap) || (advice == DontNeed && area.Has(VmFlags.Locked))) return Inval;
                AnonPages.RemoveWhere(page => page >= start && page < end);
                return 0;
            case Free:
                return area.Has(VmFlags.PfnMap | VmFlags.Locked) || !area.IsAnonymous ? Inval : 0;
            case Cold or PageOut:
                return area.Has(VmFlags.PfnMap | VmFlags.Locked) ? Inval : 0;
            case RemoveAdvice:
                if (area.Has(VmFlags.Locked) || area.File is null) return Inval;
                return (area.Flags & (VmFlags.Shared | VmFlags.MayWrite)) == (VmFlags.Shared | VmFlags.MayWrite) ? 0 : Acces;
            case GuardInstall:
                if (area.Has(VmFlags.Special | VmFlags.Locked)) return Inval;
                if (area.IsAnonymous) PrepareAnonVma(area);
                area.Flags |= VmFlags.MaybeGuard;
                DropPages(start, end);
                for (ulong page = start; page < end; page += Page) Guards.Add(page);
                return 0;
            case GuardRemove:
                if (area.Has(VmFlags.Special)) return Inval;
                Guards.RemoveWhere(page => page >= start && page < end);
                return 0;
            case Collapse:
                return Inval;
            default:
                return 0;
        }
    }

    private long PopulateAdvised(ulong start, ulong end, bool write)
    {
        while (start < end)
        {
            if (Lookup(start) is not { } area) return Nomem;
            bool permitted = !area.Has(VmFlags.Io | VmFlags.PfnMap) && area.Has(write ? VmFlags.Write : VmFlags.Read);
            if (!permitted) return Inval;
            ulong to = Math.Min(area.End, end);
            if (FaultIn(area, start, to, write) != 0) return Fault;
            start = to;
        }

        return 0;
    }
}
