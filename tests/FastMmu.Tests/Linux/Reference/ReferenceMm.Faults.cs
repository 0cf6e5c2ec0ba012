using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>What an access came to: nothing, or a signal with its code and address.</summary>
internal readonly record struct ReferenceSignal(int Signal, int Code, ulong Address)
{
    public const int Segv = 11;
    public const int Bus = 7;

    public static ReferenceSignal None => default;
}

internal sealed partial class ReferenceMm
{
    /// <summary>One access by the user: a read, a write, or the fetch of an instruction.</summary>
    public ReferenceSignal Touch(ulong address, bool write, bool fetch)
    {
        const int mapErr = 1, accErr = 2, adrErr = 2, kernel = 128;
        const ulong kernelHalf = ulong.MaxValue >> 47;
        if (address >> 47 is not (0 or kernelHalf)) return new ReferenceSignal(ReferenceSignal.Segv, kernel, 0);

        ReferenceArea? area = Find(address);
        if (area is null || (area.Start > address && !GrowsTo(area, address))) return new ReferenceSignal(ReferenceSignal.Segv, mapErr, address);
        if (write ? !area.Has(VmFlags.Write) : !area.IsAccessible) return new ReferenceSignal(ReferenceSignal.Segv, accErr, address);
        ulong page = RoundDown(address);
        if (Guards.Contains(page)) return new ReferenceSignal(ReferenceSignal.Segv, mapErr, address);
        if (FaultIn(area, page, page + Page, write) != 0) return new ReferenceSignal(ReferenceSignal.Bus, adrErr, address);
        // A fetch maps the page before its rights stop it.
        return fetch && !area.Has(VmFlags.Exec) ? new ReferenceSignal(ReferenceSignal.Segv, accErr, address) : ReferenceSignal.None;
    }

    /// <summary>
    /// What a tracer's read does before it steps the process over an instruction: a stack grows to it, under the limits of the tracer.
    /// </summary>
    public void ReadByTracer(ulong address)
    {
        if (Find(address) is { } area && area.Start > address) GrowsTo(area, address, limited: false);
    }

    private bool GrowsTo(ReferenceArea area, ulong address, bool limited = true)
    {
        address = RoundDown(address);
        if (!area.Has(VmFlags.GrowsDown) || address < _settings.MinSearched) return false;
        if (Before(area.Start) is { } below && !below.Has(VmFlags.GrowsDown) && below.IsAccessible && address - below.End < _settings.GuardGap)
        {
            return false;
        }

        PrepareAnonVma(area);
        ulong size = area.End - address, grow = (area.Start - address) >> 12;
        if (grow > area.PageOffset || !MemoryIsEnough(grow)) return false;
        const ulong usualStack = 8UL << 20;
        if (size > (limited ? Soft(LimitStack) : usualStack)) return false;
        if (limited && (!MayExpand(area.Flags, grow) || !MayLock(area.Flags, grow << 12))) return false;

        area.Start = address;
        area.PageOffset -= grow;
        if (area.Has(VmFlags.Locked)) LockedVm += grow;
        return true;
    }

    // The first private page decides whose anon_vma an area shares: the next one's, else the one's before, if they could be one area but for
    // their rights.
    private void PrepareAnonVma(ReferenceArea area)
    {
        if (area.AnonVma is not null) return;
        int index = _areas.IndexOf(area);
        ReferenceArea? next = index + 1 < _areas.Count ? _areas[index + 1] : null, before = index > 0 ? _areas[index - 1] : null;
        area.AnonVma = next is not null && CouldShare(area, next) && next.Chain == 1 ? next.AnonVma : null;
        area.AnonVma ??= before is not null && CouldShare(before, area) && before.Chain == 1 ? before.AnonVma : null;
        area.AnonVma ??= new ReferenceAnonVma();
        area.Chain = 1;
    }

    private static bool CouldShare(ReferenceArea low, ReferenceArea high) =>
        low.End == high.Start && low.File == high.File && ((low.Flags ^ high.Flags) & ~(VmFlags.AccessMask | Sticky)) == 0
        && low.PageOffset + low.Pages == high.PageOffset;

    // Pages of one area, with the rights taken as given. Nonzero at the first page behind the end of the file.
    private long FaultIn(ReferenceArea area, ulong start, ulong end, bool write)
    {
        // The time and the random state are there; what belongs to namespaces and hypervisors is not.
        if (area.Special?.StartsWith("[vvar", StringComparison.Ordinal) == true)
        {
            return area.Special == "[vvar]" && area.PageOffsetAt(start) is 0 or 2 ? 0 : Fault;
        }

        bool privateWrite = write && !area.Has(VmFlags.Shared);
        for (ulong page = start; page < end; page += Page)
        {
            if (Guards.Contains(page)) return Fault;
            // A private copy is there, whatever became of the file.
            if (AnonPages.Contains(page)) continue;
            if (privateWrite) PrepareAnonVma(area);
            if (area.File is not null && !area.IsAnonymous && area.PageOffsetAt(page) << 12 >= RoundUp(area.File.Inode.Size)) return Fault;
            if (privateWrite) AnonPages.Add(page);
        }

        return 0;
    }

    // mm_populate: what mlock, MAP_LOCKED and MAP_POPULATE fault in, up to the first page that cannot be.
    private long Populate(ulong start, ulong end)
    {
        while (start < end && Intersecting(start, end) is { } area)
        {
            start = Math.Max(start, area.Start);
            ulong to = Math.Min(end, area.End);
            if (!area.Has(VmFlags.Io | VmFlags.PfnMap | VmFlags.LockOnFault))
            {
                if (!area.IsAccessible) return Fault;
                bool write = (area.Flags & (VmFlags.Write | VmFlags.Shared)) == VmFlags.Write;
                if (FaultIn(area, start, to, write) != 0) return Fault;
            }

            start = to;
        }

        return 0;
    }

    /// <summary>Another size of a file. Private copies of pages that lie behind the new end go too.</summary>
    public long Ftruncate(int descriptor, ulong length, IEnumerable<ReferenceMm> processes)
    {
        if ((long)length < 0) return Inval;
        if (!Files.TryGetValue(descriptor, out ReferenceFile? file) || file.PathOnly) return Badf;
        if (!file.Writable || file.Inode.Kind is ReferenceFileKind.Zero or ReferenceFileKind.Unmappable) return Inval;
        file.Inode.Size = length;
        foreach (ReferenceMm mm in processes)
        {
            foreach (ReferenceArea area in mm._areas.Where(area => area.File?.Inode == file.Inode))
            {
                mm.AnonPages.RemoveWhere(page => page >= area.Start && page < area.End && area.PageOffsetAt(page) << 12 >= RoundUp(length));
            }
        }

        return 0;
    }
}
