using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>
/// Linux 6.18's rules for the areas of a process, on a plain list and without any speed: every search starts at the front, every counter is a
/// sum. It shares nothing with <c>AddressSpace</c> but the names of the flags. Of pages it knows only which anonymous ones there are.
/// </summary>
internal sealed partial class ReferenceMm
{
    public const int LimitData = 2;
    public const int LimitStack = 3;
    public const int LimitMemlock = 8;
    public const int LimitAddressSpace = 9;

    private const ulong Page = 0x1000;
    private const VmFlags LockedMask = VmFlags.Locked | VmFlags.LockOnFault;
    private const VmFlags Sticky = VmFlags.SoftDirty | VmFlags.MaybeGuard;

    private readonly ReferenceSettings _settings;
    private readonly List<ReferenceArea> _areas = [];
    private VmFlags _defaults;
    private ulong _mdwe;

    public ReferenceMm(ReferenceSettings settings, Dictionary<int, ReferenceFile> files)
    {
        _settings = settings;
        Files = files;
    }

    public Dictionary<int, ReferenceFile> Files { get; }

    public Dictionary<int, (ulong Soft, ulong Hard)> Limits { get; } = new()
    {
        [LimitData] = (ulong.MaxValue, ulong.MaxValue),
        [LimitStack] = (8UL << 20, ulong.MaxValue),
        [LimitMemlock] = (8UL << 20, 8UL << 20),
        [LimitAddressSpace] = (ulong.MaxValue, ulong.MaxValue),
    };

    public IReadOnlyList<ReferenceArea> Areas => _areas;

    public ulong StartBrk { get; set; }

    public ulong CurrentBrk { get; set; }

    public ulong StartData { get; set; }

    public ulong EndData { get; set; }

    /// <summary>locked_vm. No sum: mremap with MREMAP_DONTUNMAP lets it run ahead.</summary>
    public ulong LockedVm { get; private set; }

    /// <summary>The pages of anonymous memory, and the private copies of file pages.</summary>
    public HashSet<ulong> AnonPages { get; } = [];

    /// <summary>The pages that access faults on since MADV_GUARD_INSTALL.</summary>
    public HashSet<ulong> Guards { get; } = [];

    public ulong TotalVm => Sum(_ => true);

    public ulong DataVm => Sum(area => !area.IsExec && !area.IsStack && area.IsData);

    public ulong StackVm => Sum(area => !area.IsExec && area.IsStack);

    public ulong ExecVm => Sum(area => area.IsExec);

    private ulong MapCount => (ulong)_areas.Count;

    /// <summary>An area that is there from the start.</summary>
    public void AddInitial(ReferenceArea area)
    {
        _areas.Add(area);
        Sort();
    }

    public ReferenceArea? Find(ulong address) => _areas.FirstOrDefault(area => area.End > address);

    private ReferenceArea? Lookup(ulong address) => Find(address) is { } area && area.Start <= address ? area : null;

    private ReferenceArea? Intersecting(ulong start, ulong end) => Find(start) is { } area && area.Start < end ? area : null;

    private ReferenceArea? Before(ulong address) => _areas.LastOrDefault(area => area.End <= address);

    private void Sort() => _areas.Sort((one, other) => one.Start.CompareTo(other.Start));

    private ulong Sum(Func<ReferenceArea, bool> counts) => (ulong)_areas.Where(counts).Sum(area => (long)area.Pages);

    private static ulong RoundUp(ulong value) => unchecked(value + (Page - 1)) & ~(Page - 1);

    private static ulong RoundDown(ulong value) => value & ~(Page - 1);

    private ulong StartWithGap(ReferenceArea area) =>
        area.Has(VmFlags.GrowsDown) ? (area.Start > _settings.GuardGap ? area.Start - _settings.GuardGap : 0) : area.Start;

    private ulong Soft(int resource) => Limits[resource].Soft;

    private bool MayExpand(VmFlags flags, ulong pages)
    {
        if (unchecked(TotalVm + pages) > Soft(LimitAddressSpace) >> 12) return false;
        bool data = (flags & (VmFlags.Write | VmFlags.Shared | VmFlags.GrowsDown)) == VmFlags.Write;
        ulong wanted = unchecked(DataVm + pages);
        if (!data || wanted <= Soft(LimitData) >> 12) return true;
        return Soft(LimitData) == 0 && wanted <= Limits[LimitData].Hard >> 12;
    }

    private bool MemoryIsEnough(ulong pages) => _settings.Overcommit == 1 || (long)pages <= (long)_settings.RamPages;

    private bool MayLock(VmFlags flags, ulong bytes) =>
        (flags & VmFlags.Locked) == 0 || _settings.Privileged || (bytes >> 12) + LockedVm <= Soft(LimitMemlock) >> 12;

    private bool MayLockAtAll => Soft(LimitMemlock) != 0 || _settings.Privileged;

    private void DropPages(ulong start, ulong end)
    {
        AnonPages.RemoveWhere(page => page >= start && page < end);
        Guards.RemoveWhere(page => page >= start && page < end);
    }

    public long SetLimit(int resource, ulong soft, ulong hard)
    {
        if (soft > hard) return Inval;
        if (hard > Limits[resource].Hard) return Perm;
        Limits[resource] = (soft, hard);
        return 0;
    }

    /// <summary>prctl: PR_SET_MDWE and PR_GET_MDWE; nothing else is known of it.</summary>
    public long Prctl(int option, ulong second, ulong third, ulong fourth, ulong fifth)
    {
        const int set = 65, get = 66;
        bool rest = third != 0 || fourth != 0 || fifth != 0;
        if (rest || (option != set && (option != get || second != 0))) return Inval;
        if (option == get) return (long)_mdwe;
        if (second is not (0 or 1 or 3)) return Inval;
        if (_mdwe != 0 && _mdwe != second) return Perm;
        _mdwe = second;
        return 0;
    }

    // With PR_MDWE_REFUSE_EXEC_GAIN.
    private bool Denies(VmFlags before, VmFlags after)
    {
        bool gains = (after & VmFlags.Exec) != 0 && (before & VmFlags.Exec) == 0;
        bool both = (after & (VmFlags.Exec | VmFlags.Write)) == (VmFlags.Exec | VmFlags.Write);
        return _mdwe != 0 && (gains || both);
    }

    /// <summary>A child: fork's rules.</summary>
    public ReferenceMm? Fork()
    {
        var child = new ReferenceMm(_settings, Files) { _mdwe = _mdwe == 3 ? 0 : _mdwe, StartBrk = StartBrk, CurrentBrk = CurrentBrk, StartData = StartData, EndData = EndData };
        foreach ((int resource, (ulong Soft, ulong Hard) limit) in Limits) child.Limits[resource] = limit;
        foreach (ReferenceArea area in _areas)
        {
            if (area.Has(VmFlags.DontCopy)) continue;
            if (area.Has(VmFlags.Account) && !MemoryIsEnough(area.Pages)) return null;
            ReferenceArea copy = area.Copy();
            copy.Flags &= ~LockedMask;
            child._areas.Add(copy);
            if (area.Has(VmFlags.WipeOnFork) || area.AnonVma is null)
            {
                copy.AnonVma = null;
                copy.Chain = 0;
            }
            else
            {
                copy.AnonVma = new ReferenceAnonVma();
                copy.Chain = area.Chain + 1;
            }

            // Page tables go over where there may be more in them than a file could show again.
            if (area.Has(VmFlags.WipeOnFork) || (area.AnonVma is null && !area.Has(VmFlags.MaybeGuard))) continue;
            child.AnonPages.UnionWith(AnonPages.Where(page => page >= area.Start && page < area.End));
            child.Guards.UnionWith(Guards.Where(page => page >= area.Start && page < area.End));
        }

        return child;
    }
}
