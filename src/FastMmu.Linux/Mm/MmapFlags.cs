namespace FastMmu.Linux.Mm;

/// <summary>Flags of mmap (MAP_*), numbered as on x86.</summary>
public static class MmapFlags
{
    /// <summary>Stores reach the object.</summary>
    public const uint Shared = 1;

    /// <summary>Stores stay in this process.</summary>
    public const uint Private = 2;

    /// <summary>As <see cref="Shared"/>, and unknown flags are refused.</summary>
    public const uint SharedValidate = 3;

    /// <summary>Memory the kernel may drop under pressure.</summary>
    public const uint Droppable = 8;

    /// <summary>The bits that choose among the four kinds.</summary>
    public const uint TypeMask = 0xF;

    /// <summary>Exactly at the address, in place of what is there.</summary>
    public const uint Fixed = 0x10;

    /// <summary>No file behind it.</summary>
    public const uint Anonymous = 0x20;

    /// <summary>In the first 2 GiB.</summary>
    public const uint Bit32 = 0x40;

    /// <summary>Above 4 GiB.</summary>
    public const uint Above4G = 0x80;

    /// <summary>Grows downwards.</summary>
    public const uint GrowsDown = 0x100;

    /// <summary>Ignored (MAP_DENYWRITE).</summary>
    public const uint DenyWrite = 0x800;

    /// <summary>Ignored (MAP_EXECUTABLE).</summary>
    public const uint Executable = 0x1000;

    /// <summary>Locked, and populated.</summary>
    public const uint Locked = 0x2000;

    /// <summary>Not charged against the overcommit limit.</summary>
    public const uint NoReserve = 0x4000;

    /// <summary>Populated at once.</summary>
    public const uint Populate = 0x8000;

    /// <summary>With <see cref="Populate"/>: populate nothing.</summary>
    public const uint NonBlock = 0x1_0000;

    /// <summary>A thread's stack; keeps huge pages away.</summary>
    public const uint Stack = 0x2_0000;

    /// <summary>Pages of hugetlbfs.</summary>
    public const uint HugeTlb = 0x4_0000;

    /// <summary>Synchronous page faults of a DAX file.</summary>
    public const uint Sync = 0x8_0000;

    /// <summary>Exactly at the address, or EEXIST.</summary>
    public const uint FixedNoReplace = 0x10_0000;

    /// <summary>Not zeroed (only without an MMU).</summary>
    public const uint Uninitialized = 0x400_0000;

    /// <summary>Where the size of a huge page stands.</summary>
    public const int HugeShift = 26;

    /// <summary>The flags that MAP_SHARED_VALIDATE knows on every file.</summary>
    internal const uint LegacyMask = Shared | Private | Fixed | Anonymous | DenyWrite | Executable | Uninitialized | GrowsDown
        | Locked | NoReserve | Populate | NonBlock | Stack | HugeTlb | Bit32 | Above4G | (0x3Fu << HugeShift);
}
