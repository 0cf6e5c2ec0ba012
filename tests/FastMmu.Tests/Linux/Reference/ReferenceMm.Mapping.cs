using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    public const uint MapShared = 1;
    public const uint MapPrivate = 2;
    public const uint MapFixed = 0x10;
    public const uint MapAnonymous = 0x20;
    public const uint Map32Bit = 0x40;
    public const uint MapAbove4G = 0x80;
    public const uint MapGrowsDown = 0x100;
    public const uint MapLocked = 0x2000;
    public const uint MapNoReserve = 0x4000;
    public const uint MapPopulate = 0x8000;
    public const uint MapNonBlock = 0x1_0000;
    public const uint MapStack = 0x2_0000;
    public const uint MapHugeTlb = 0x4_0000;
    public const uint MapSync = 0x8_0000;
    public const uint MapFixedNoReplace = 0x10_0000;

    private const uint MapSharedValidate = 3;
    private const uint MapDroppable = 8;
    private const uint MapTypeMask = 0xf;

    // MAP_SHARED, PRIVATE, FIXED, ANONYMOUS, DENYWRITE, EXECUTABLE, UNINITIALIZED, GROWSDOWN, LOCKED, NORESERVE, POPULATE, NONBLOCK, STACK,
    // HUGETLB, 32BIT, ABOVE4G and the six bits of a huge page's size.
    private const uint LegacyFlags = 0x1 | 0x2 | 0x10 | 0x20 | 0x800 | 0x1000 | 0x400_0000 | 0x100 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000
        | 0x2_0000 | 0x4_0000 | 0x40 | 0x80 | 0xfc00_0000;

    private const VmFlags MayAll = VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;

    private int _sharedObjects;

    public long Mmap(ulong address, ulong length, int protection, uint flags, int descriptor, ulong offset)
    {
        if (offset % Page != 0) return Inval;
        ReferenceFile? file = null;
        if ((flags & MapAnonymous) == 0)
        {
            if (!Files.TryGetValue(descriptor, out file) || file.PathOnly) return Badf;
            if ((flags & MapHugeTlb) != 0) return Inval;
        }
        else if ((flags & MapHugeTlb) != 0)
        {
            // hugetlbfs is not modelled: what is known of it is that sizes which no processor has are refused.
            return flags >> 26 is 0 or 21 or 30 ? throw new InvalidOperationException("The reference knows no hugetlbfs.") : Inval;
        }

        return MmapFile(file, address, length, protection, flags, offset >> 12);
    }

    private long MmapFile(ReferenceFile? file, ulong address, ulong length, int protection, uint flags, ulong pageOffset)
    {
        if (length == 0) return Inval;
        if ((flags & MapFixedNoReplace) != 0) flags |= MapFixed;
        if ((flags & MapFixed) == 0)
        {
            address = RoundDown(address);
            if (address != 0 && address < _settings.MinSearched) address = RoundUp(_settings.MinSearched);
        }

        length = RoundUp(length);
        if (length == 0) return Nomem;
        if (unchecked(pageOffset + (length >> 12)) < pageOffset) return Overflow;
        if (MapCount > (ulong)_settings.MaxMapCount) return Nomem;

        VmFlags area = Rights(protection) | MayAll | _defaults;
        if ((flags & MapGrowsDown) != 0) area |= VmFlags.GrowsDown;
        if ((flags & MapLocked) != 0) area |= VmFlags.Locked;
        if ((flags & MapSync) != 0) area |= VmFlags.Sync;
        if ((flags & MapStack) != 0) area |= VmFlags.NoHugePage;

        address = Place(file, address, length, pageOffset, flags);
        if (IsError(address)) return (long)address;
        if ((flags & MapFixedNoReplace) != 0 && Intersecting(address, address + length) is not null) return Exist;
        if ((flags & MapLocked) != 0 && !MayLockAtAll) return Perm;
        if (!MayLock(area, length)) return Again;

        long refused = file is null
            ? AnonymousRules(flags, address, ref area, ref pageOffset)
            : FileRules(file, protection, flags, length, pageOffset, ref area);
        if (refused != 0) return refused;
        if ((flags & MapNoReserve) != 0) area |= VmFlags.NoReserve;

        long result = MapRegion(file, address, length, area, pageOffset);
        if (result == (long)address && ((area & VmFlags.Locked) != 0 || (flags & (MapPopulate | MapNonBlock)) == MapPopulate))
        {
            Populate(address, address + length);
        }

        return result;
    }

    private static VmFlags Rights(int protection) =>
        ((protection & 1) != 0 ? VmFlags.Read : 0) | ((protection & 2) != 0 ? VmFlags.Write : 0) | ((protection & 4) != 0 ? VmFlags.Exec : 0);

    private static long AnonymousRules(uint flags, ulong address, ref VmFlags area, ref ulong pageOffset)
    {
        switch (flags & MapTypeMask)
        {
            case MapShared:
                if ((area & VmFlags.GrowsDown) != 0) return Inval;
                pageOffset = 0;
                area |= VmFlags.Shared | VmFlags.MayShare;
                return 0;
            case MapDroppable:
                if ((flags & (MapLocked | MapHugeTlb)) != 0 || (area & VmFlags.GrowsDown) != 0) return Inval;
                area |= VmFlags.Droppable | VmFlags.NoReserve | VmFlags.WipeOnFork | VmFlags.DontDump;
                pageOffset = address >> 12;
                return 0;
            case MapPrivate:
                pageOffset = address >> 12;
                return 0;
            default:
                return Inval;
        }
    }

    private static long FileRules(ReferenceFile file, int protection, uint flags, ulong length, ulong pageOffset, ref VmFlags area)
    {
        ulong largest = file.Inode.Kind is ReferenceFileKind.Disk or ReferenceFileKind.Shmem ? ulong.MaxValue >> 1 : ulong.MaxValue;
        if (length > largest || pageOffset > (largest - length) >> 12)
        {
            return Overflow;
        }

        uint type = flags & MapTypeMask;
        if (type == MapSharedValidate && (flags & ~(LegacyFlags | MapSharedValidate | (file.Inode.Kind == ReferenceFileKind.Disk ? MapSync : 0))) != 0)
        {
            return Opnotsupp;
        }

        if (type is MapShared or MapSharedValidate)
        {
            if ((protection & 2) != 0 && !file.Writable) return Acces;
            area |= VmFlags.Shared | VmFlags.MayShare;
            if (!file.Writable) area &= ~(VmFlags.MayWrite | VmFlags.Shared);
        }
        else if (type != MapPrivate)
        {
            return Inval;
        }

        if (!file.Readable) return Acces;
        if (file.NoExec)
        {
            if ((area & VmFlags.Exec) != 0) return Perm;
            area &= ~VmFlags.MayExec;
        }

        if (file.Inode.Kind == ReferenceFileKind.Unmappable) return Nodev;
        if ((area & VmFlags.GrowsDown) != 0) return Inval;
        if (file.Inode.SealedAgainstWrites && (area & VmFlags.Shared) != 0)
        {
            if ((area & VmFlags.Write) != 0) return Perm;
            area &= ~VmFlags.MayWrite;
        }

        return 0;
    }

    // mmap_region. What was there goes before the object behind the new area says whether it agrees.
    private long MapRegion(ReferenceFile? file, ulong address, ulong length, VmFlags flags, ulong pageOffset)
    {
        if (Denies(flags, flags)) return Acces;
        ulong end = address + length, pages = length >> 12;
        long refused = SplitForRemoval(address, end, out List<ReferenceArea> replaced);
        if (refused != 0) return refused;
        ulong replacedPages = (ulong)replaced.Sum(area => (long)area.Pages);
        if (!MayExpand(flags, unchecked(pages - replacedPages))) return Nomem;
        if ((flags & (VmFlags.NoReserve | VmFlags.Shared | VmFlags.Write)) == VmFlags.Write)
        {
            ulong accounted = (ulong)replaced.Where(area => area.Has(VmFlags.Account)).Sum(area => (long)area.Pages);
            if (!MemoryIsEnough(unchecked(pages - accounted))) return Nomem;
            flags |= VmFlags.Account;
        }

        Drop(replaced);
        if (MergeNew(new Proposal(address, end, flags, pageOffset, file)) is null)
        {
            if (file?.Inode.Kind == ReferenceFileKind.Disk && (flags & VmFlags.Sync) != 0) return Opnotsupp;
            bool sharedMemory = (flags & VmFlags.Shared) != 0 && (file is null || file.Inode.Kind == ReferenceFileKind.Zero);
            if (sharedMemory)
            {
                if ((flags & VmFlags.NoReserve) == 0 && !MemoryIsEnough(pages)) return Nomem;
                file = new ReferenceFile($"shm#{_sharedObjects++}", new ReferenceInode(ReferenceFileKind.Shmem, length));
            }

            // Too late for merging with others of its kind.
            if ((flags & VmFlags.Droppable) != 0) flags &= ~LockedMask;
            _areas.Add(new ReferenceArea { Start = address, End = end, Flags = flags, PageOffset = pageOffset, File = file });
            Sort();
        }

        if ((flags & VmFlags.Locked) != 0) LockedVm += pages;
        return (long)address;
    }

    /// <summary>remap_file_pages, which is mmap of another part of the same object over it.</summary>
    public long RemapFilePages(ulong start, ulong size, int protection, ulong pageOffset, uint flags)
    {
        start = RoundDown(start);
        size = RoundDown(size);
        ulong end = unchecked(start + size);
        if (protection != 0 || end <= start || unchecked(pageOffset + (size >> 12)) < pageOffset) return Inval;
        if (Lookup(start) is not { } area || !area.Has(VmFlags.Shared)) return Inval;
        for (ReferenceArea last = area; last.End < end;)
        {
            if (Lookup(last.End) is not { } next || next.File != area.File || next.Flags != area.Flags) return Inval;
            last = next;
        }

        int rights = (area.Has(VmFlags.Read) ? 1 : 0) | (area.Has(VmFlags.Write) ? 2 : 0) | (area.Has(VmFlags.Exec) ? 4 : 0);
        flags = (flags & MapNonBlock) | MapShared | MapFixed | MapPopulate | (area.Has(VmFlags.Locked) ? MapLocked : 0);
        long result = MmapFile(area.File, start, size, rights, flags, pageOffset);
        return IsError((ulong)result) ? result : 0;
    }

    public long Munmap(ulong address, ulong length)
    {
        if (address % Page != 0 || address > _settings.TaskSize || length > _settings.TaskSize - address) return Inval;
        ulong end = address + RoundUp(length);
        return end == address ? Inval : Remove(address, end);
    }

    private long Remove(ulong start, ulong end)
    {
        long refused = SplitForRemoval(start, end, out List<ReferenceArea> removed);
        if (refused == 0) Drop(removed);
        return refused;
    }

    // The areas of a range, cut off at its borders. The cuts stay when a later step fails.
    private long SplitForRemoval(ulong start, ulong end, out List<ReferenceArea> inside)
    {
        inside = [];
        if (Intersecting(start, end) is not { } first) return 0;
        if (start > first.Start)
        {
            if (end < first.End && MapCount >= (ulong)_settings.MaxMapCount) return Nomem;
            if (first.Has(VmFlags.Sealed)) return Perm;
            if (Split(first, start, out _) is var refused and not 0) return refused;
        }

        foreach (ReferenceArea area in _areas.Where(area => area.End > start && area.Start < end).ToArray())
        {
            if (area.Has(VmFlags.Sealed)) return Perm;
            if (area.End > end && Split(area, end, out _) is var refused and not 0) return refused;
            inside.Add(area);
        }

        return 0;
    }

    private void Drop(List<ReferenceArea> areas)
    {
        foreach (ReferenceArea area in areas)
        {
            if (area.Has(VmFlags.Locked)) LockedVm -= area.Pages;
            DropPages(area.Start, area.End);
            _areas.Remove(area);
        }
    }

    /// <summary>The new break, or the old one where it could not be moved.</summary>
    public ulong Brk(ulong wanted)
    {
        if (wanted < StartBrk) return CurrentBrk;
        ulong limit = Soft(LimitData);
        if (limit != ulong.MaxValue && unchecked(wanted - StartBrk + (EndData - StartData)) > limit) return CurrentBrk;
        ulong newBreak = RoundUp(wanted), oldBreak = RoundUp(CurrentBrk);
        if (newBreak != oldBreak)
        {
            if (wanted <= CurrentBrk)
            {
                if (Intersecting(newBreak, oldBreak) is null || Remove(newBreak, oldBreak) != 0) return CurrentBrk;
            }
            else
            {
                if (!Grow(oldBreak, newBreak)) return CurrentBrk;
                CurrentBrk = wanted;
                if ((_defaults & VmFlags.Locked) != 0) Populate(oldBreak, newBreak);
                return wanted;
            }
        }

        return CurrentBrk = wanted;
    }

    private bool Grow(ulong oldBreak, ulong newBreak)
    {
        ulong length = unchecked(newBreak - oldBreak), pages = length >> 12;
        if (IsError(Place(null, oldBreak, length, 0, MapFixed)) || !MayLock(_defaults, length)) return false;
        if (Find(oldBreak) is { } next && newBreak + Page > StartWithGap(next)) return false;

        VmFlags flags = VmFlags.Read | VmFlags.Write | MayAll | VmFlags.Account | _defaults;
        if (!MayExpand(flags, pages) || MapCount > (ulong)_settings.MaxMapCount || !MemoryIsEnough(pages)) return false;
        bool heapIsBefore = oldBreak > StartBrk && Before(oldBreak) is { } left && left.End == oldBreak;
        if (!heapIsBefore || MergeNew(new Proposal(oldBreak, newBreak, flags, oldBreak >> 12, null), leftOnly: true) is null)
        {
            _areas.Add(new ReferenceArea { Start = oldBreak, End = newBreak, Flags = flags, PageOffset = oldBreak >> 12 });
            Sort();
        }

        if ((flags & VmFlags.Locked) != 0) LockedVm += pages;
        return true;
    }
}
