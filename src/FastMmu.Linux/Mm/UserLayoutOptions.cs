namespace FastMmu.Linux.Mm;

/// <summary>What a machine and its settings decide of user layouts.</summary>
public sealed record UserLayoutOptions
{
    /// <summary>The defaults of x86 and of Linux 6.18.</summary>
    public static UserLayoutOptions Default { get; } = new();

    /// <summary>Whether tables have five levels, so that 64-bit tasks may use 2^56 bytes when they ask for it.</summary>
    public bool FiveLevels { get; init; }

    /// <summary>Where the kernel of a 32-bit machine begins (PAGE_OFFSET).</summary>
    public ulong PageOffset { get; init; } = 0xc000_0000;

    /// <summary>Bytes that stay free below a stack (stack_guard_gap).</summary>
    public ulong StackGuardGap { get; init; } = 256 * 4096;

    /// <summary>Whether every process gets the layout from the bottom up (vm.legacy_va_layout).</summary>
    public bool LegacyLayout { get; init; }

    /// <summary>Random bits of mmap addresses in 64-bit tasks (vm.mmap_rnd_bits), 28 to 32.</summary>
    public int MmapRandomBits64 { get; init; } = 28;

    /// <summary>The same in 32-bit tasks (vm.mmap_rnd_compat_bits), 8 to 16.</summary>
    public int MmapRandomBits32 { get; init; } = 8;

    /// <summary>How far above the program the heap of a 64-bit task may start: 1 GiB since Linux 6.9, 32 MiB before.</summary>
    public ulong BrkRandomBytes64 { get; init; } = 1UL << 30;
}
