namespace FastMmu.Linux.Areas;

/// <summary>The flags of an area of memory (vm_flags), with the bit numbers of the 64-bit kernel.</summary>
/// <remarks>
/// <code>
///  0 rd  READ        8 gd  GROWSDOWN   16 rr  RAND_READ     24 ar  ARCH_1        32..35 protection key
///  1 wr  WRITE       9 um  UFFD_MISSING 17 dc  DONTCOPY     25 wf  WIPEONFORK    38 ui  UFFD_MINOR
///  2 ex  EXEC       10 pf  PFNMAP      18 de  DONTEXPAND    26 dd  DONTDUMP      40 dp  DROPPABLE
///  3 sh  SHARED     11 gu  MAYBE_GUARD 19 lf  LOCKONFAULT   27 sd  SOFTDIRTY     42 sl  SEALED
///  4 mr  MAYREAD    12 uw  UFFD_WP     20 ac  ACCOUNT       28 mm  MIXEDMAP
///  5 mw  MAYWRITE   13 lo  LOCKED      21 nr  NORESERVE     29 hg  HUGEPAGE
///  6 me  MAYEXEC    14 io  IO          22 ht  HUGETLB       30 nh  NOHUGEPAGE
///  7 ms  MAYSHARE   15 sr  SEQ_READ    23 sf  SYNC          31 mg  MERGEABLE
/// </code>
/// The two-letter codes are those of the VmFlags line of /proc/PID/smaps. Source: include/linux/mm.h and fs/proc/task_mmu.c of Linux 6.18.
/// </remarks>
[Flags]
public enum VmFlags : ulong
{
    /// <summary>No flag: an area that nothing may use.</summary>
    None = 0,

    /// <summary>May be read.</summary>
    Read = 1UL << 0,

    /// <summary>May be written.</summary>
    Write = 1UL << 1,

    /// <summary>May be executed.</summary>
    Exec = 1UL << 2,

    /// <summary>Stores reach the object behind the area.</summary>
    Shared = 1UL << 3,

    /// <summary>mprotect may add <see cref="Read"/>.</summary>
    MayRead = 1UL << 4,

    /// <summary>mprotect may add <see cref="Write"/>.</summary>
    MayWrite = 1UL << 5,

    /// <summary>mprotect may add <see cref="Exec"/>.</summary>
    MayExec = 1UL << 6,

    /// <summary>Mapped with MAP_SHARED, whether or not it may ever be written.</summary>
    MayShare = 1UL << 7,

    /// <summary>Grows downwards when an address below it is touched.</summary>
    GrowsDown = 1UL << 8,

    /// <summary>Missing pages go to a userfaultfd.</summary>
    UffdMissing = 1UL << 9,

    /// <summary>Frames without a <c>struct page</c>.</summary>
    PfnMap = 1UL << 10,

    /// <summary>A guard region was installed in it once.</summary>
    MaybeGuard = 1UL << 11,

    /// <summary>Write-protected pages go to a userfaultfd.</summary>
    UffdWriteProtect = 1UL << 12,

    /// <summary>Its pages stay in memory.</summary>
    Locked = 1UL << 13,

    /// <summary>Memory of a device.</summary>
    Io = 1UL << 14,

    /// <summary>MADV_SEQUENTIAL.</summary>
    SeqRead = 1UL << 15,

    /// <summary>MADV_RANDOM.</summary>
    RandRead = 1UL << 16,

    /// <summary>fork leaves it out.</summary>
    DontCopy = 1UL << 17,

    /// <summary>mremap may not grow it.</summary>
    DontExpand = 1UL << 18,

    /// <summary>Pages are locked when they are first touched.</summary>
    LockOnFault = 1UL << 19,

    /// <summary>Its pages are charged against the overcommit limit.</summary>
    Account = 1UL << 20,

    /// <summary>Mapped with MAP_NORESERVE.</summary>
    NoReserve = 1UL << 21,

    /// <summary>Pages of hugetlbfs.</summary>
    HugeTlb = 1UL << 22,

    /// <summary>Mapped with MAP_SYNC.</summary>
    Sync = 1UL << 23,

    /// <summary>Architecture-specific.</summary>
    Arch1 = 1UL << 24,

    /// <summary>A forked child sees zeroes.</summary>
    WipeOnFork = 1UL << 25,

    /// <summary>Left out of core dumps.</summary>
    DontDump = 1UL << 26,

    /// <summary>Soft-dirty tracking.</summary>
    SoftDirty = 1UL << 27,

    /// <summary>Both kinds of frames.</summary>
    MixedMap = 1UL << 28,

    /// <summary>MADV_HUGEPAGE.</summary>
    HugePage = 1UL << 29,

    /// <summary>MADV_NOHUGEPAGE, MAP_STACK.</summary>
    NoHugePage = 1UL << 30,

    /// <summary>MADV_MERGEABLE.</summary>
    Mergeable = 1UL << 31,

    /// <summary>The protection key, four bits.</summary>
    ProtectionKeyMask = 0xFUL << 32,

    /// <summary>Minor faults go to a userfaultfd.</summary>
    UffdMinor = 1UL << 38,

    /// <summary>Mapped with MAP_DROPPABLE.</summary>
    Droppable = 1UL << 40,

    /// <summary>Sealed with mseal.</summary>
    Sealed = 1UL << 42,

    /// <summary>Areas that never merge: <see cref="Io"/>, <see cref="DontExpand"/>, <see cref="PfnMap"/>, <see cref="MixedMap"/>.</summary>
    Special = Io | DontExpand | PfnMap | MixedMap,

    /// <summary>The three rights in use.</summary>
    AccessMask = Read | Write | Exec,

    /// <summary>The three rights that mprotect may give.</summary>
    MayAccessMask = MayRead | MayWrite | MayExec,
}
