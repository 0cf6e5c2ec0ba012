using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>Limits on how much may be mapped, charged and locked.</content>
public sealed partial class AddressSpace
{
    /// <summary>setrlimit: sets one of the process's limits.</summary>
    /// <param name="resource">RLIMIT_*.</param>
    /// <param name="soft">The limit in force.</param>
    /// <param name="hard">What it may be raised to.</param>
    /// <returns>0; EINVAL for an unknown resource or soft above hard; EPERM for raising the hard limit without CAP_SYS_RESOURCE.</returns>
    public long SetRlimit(int resource, ulong soft, ulong hard)
    {
        if ((uint)resource >= ResourceLimits.Count || soft > hard)
        {
            return -Errno.EINVAL;
        }

        if (hard > Context.Limits[resource].Hard && !Context.Credentials.CanRaiseLimits)
        {
            return -Errno.EPERM;
        }

        Context.Limits[resource] = new ResourceLimit(soft, hard);
        return 0;
    }

    /// <summary>What the kernel's own numbers hold of a sum: a 32-bit kernel computes with 32 bits, where ends of ranges wrap earlier.</summary>
    private ulong Word(ulong value) => value & _word;

    internal static ulong AlignUp(ulong value) => (value + PageSize - 1) & ~(PageSize - 1);

    internal static bool IsAligned(ulong value) => (value & (PageSize - 1)) == 0;

    // What most calls want of a range: pages that begin where one begins, and do not go round; a length is rounded up, and only none is none.
    private bool TryGetRange(ulong address, ulong length, out ulong end)
    {
        ulong aligned = Word(AlignUp(length));
        end = Word(address + aligned);
        return IsAligned(address) && (length == 0 || aligned != 0) && end >= address;
    }

    private ulong SoftLimit(int resource) => Context.Limits[resource].Soft;

    // may_expand_vm
    private bool MayExpand(VmFlags flags, ulong pages) => MayExpand(flags, pages, Context.Limits);

    private bool MayExpand(VmFlags flags, ulong pages, ResourceLimits limits)
    {
        if (TotalVm + pages > limits[ResourceLimits.AddressSpace].Soft >> PageShift)
        {
            return false;
        }

        ResourceLimit data = limits[ResourceLimits.Data];
        bool isData = (flags & (VmFlags.Write | VmFlags.Shared | VmFlags.GrowsDown)) == VmFlags.Write;
        return !isData || DataVm + pages <= data.Soft >> PageShift
            // A soft limit of zero is how old tools asked for no heap; mmap still works up to the hard limit.
            || (data.Soft == 0 && DataVm + pages <= data.Hard >> PageShift);
    }

    // security_vm_enough_memory_mm: charges pages, or refuses.
    internal bool TryCharge(ulong pages)
    {
        MemorySettings settings = Machine.Settings;
        bool enough = settings.OvercommitMemory switch
        {
            1 => true,
            2 => Machine.CommittedPages + pages < StrictLimit(settings),
            _ => pages <= settings.TotalRamPages + settings.SwapPages,
        };
        if (enough)
        {
            Machine.CommittedPages += pages;
        }

        return enough;
    }

    internal void Uncharge(ulong pages) => Machine.CommittedPages -= pages;

    // vm_commit_limit less what is kept for the administrator and for other programs of the user.
    private ulong StrictLimit(MemorySettings settings)
    {
        ulong limit = (settings.OvercommitKilobytes != 0
            ? settings.OvercommitKilobytes >> 2
            : settings.TotalRamPages * (ulong)settings.OvercommitRatio / 100) + settings.SwapPages;
        ulong reserve = Math.Min(TotalVm / 32, settings.UserReserveKilobytes >> 2);
        if (!Context.Credentials.IsAdministrator)
        {
            reserve += settings.AdminReserveKilobytes >> 2;
        }

        return limit > reserve ? limit - reserve : 0;
    }

    private bool CanLock => Context.Credentials.CanLockMemory || SoftLimit(ResourceLimits.MemoryLock) != 0;

    // mlock_future_ok
    private bool MayLock(VmFlags flags, ulong bytes) => MayLock(flags, bytes, Context);

    private bool MayLock(VmFlags flags, ulong bytes, ProcessContext who) =>
        (flags & VmFlags.Locked) == 0 || who.Credentials.CanLockMemory
        || (bytes >> PageShift) + LockedVm <= who.Limits[ResourceLimits.MemoryLock].Soft >> PageShift;

    private bool IsFull => Areas.Count > Machine.Settings.MaxMapCount;

    // Called before total_vm shrinks: the highest value is kept.
    internal void UpdateHiwater() => HiwaterVm = Math.Max(HiwaterVm, TotalVm);
}
