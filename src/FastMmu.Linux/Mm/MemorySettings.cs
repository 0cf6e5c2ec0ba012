namespace FastMmu.Linux.Mm;

/// <summary>The machine-wide settings that memory calls obey (sysctl vm.*).</summary>
public sealed class MemorySettings
{
    /// <summary>vm.overcommit_memory: 0 refuses only a charge beyond all memory, 1 never refuses, 2 counts strictly.</summary>
    public int OvercommitMemory { get; set; }

    /// <summary>vm.overcommit_ratio, in percent.</summary>
    public int OvercommitRatio { get; set; } = 50;

    /// <summary>vm.overcommit_kbytes; takes the place of the ratio unless zero.</summary>
    public ulong OvercommitKilobytes { get; set; }

    /// <summary>vm.admin_reserve_kbytes.</summary>
    public ulong AdminReserveKilobytes { get; set; } = 8192;

    /// <summary>vm.user_reserve_kbytes.</summary>
    public ulong UserReserveKilobytes { get; set; } = 131072;

    /// <summary>vm.max_map_count.</summary>
    public int MaxMapCount { get; set; } = 65530;

    /// <summary>vm.mmap_min_addr, below which MAP_FIXED needs a capability.</summary>
    public ulong MmapMinAddress { get; set; } = 4096;

    /// <summary>What hints are raised to and searches end at: the greater of mmap_min_addr and the security module's.</summary>
    public ulong MmapMinAddressEffective { get; set; } = 65536;

    /// <summary>The gap kept below a growing area, in pages (stack_guard_gap).</summary>
    public ulong StackGuardGapPages { get; set; } = 256;

    /// <summary>Pages of memory that overcommit counts with.</summary>
    public ulong TotalRamPages { get; set; } = 4UL << 18;

    /// <summary>Pages of swap that overcommit counts with.</summary>
    public ulong SwapPages { get; set; }

    /// <summary>vm.legacy_va_layout.</summary>
    public bool LegacyLayout { get; set; }

    /// <summary>kernel.randomize_va_space: 0 off, 1 without the heap, 2 all.</summary>
    public int RandomizeVaSpace { get; set; } = 2;

    /// <summary>Whether the processor has protection keys that the kernel uses.</summary>
    public bool ProtectionKeys { get; set; }

    /// <summary>Whether the processor has pages of 1 GiB, which MAP_HUGETLB may then ask for.</summary>
    public bool GigabytePages { get; set; } = true;

    /// <summary>
    /// Whether the kernel was built with names of anonymous memory (CONFIG_ANON_VMA_NAME, 5.17), which PR_SET_VMA gives; the one that was recorded was not.
    /// </summary>
    public bool AnonymousNames { get; set; }

    /// <summary>Whether the kernel was built with transparent huge pages, which align large anonymous areas.</summary>
    public bool HugePageAlignment { get; set; } = true;
}
