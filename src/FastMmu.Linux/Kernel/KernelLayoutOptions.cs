using FastMmu.Linux.Mm;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>What a layout of the kernel's half depends on: configuration, memory and command line.</summary>
public sealed record KernelLayoutOptions
{
    /// <summary>Which kernel.</summary>
    public KernelArchitecture Architecture { get; init; } = KernelArchitecture.X8664;

    /// <summary>The address behind the last byte of RAM (max_pfn · 4096); holes count.</summary>
    public ulong MemoryEnd { get; init; } = 4 * GiB;

    /// <summary>Randomisation of addresses (KASLR).</summary>
    public AslrSeed Seed { get; init; }

    /// <summary>
    /// Tebibytes of addresses kept behind the direct map for memory added later (CONFIG_RANDOMIZE_MEMORY_PHYSICAL_PADDING), when addresses are randomised.
    /// </summary>
    public int PaddingTebibytes { get; init; } = 10;

    /// <summary>Bytes that a page descriptor takes: 64.</summary>
    public ulong PageDescriptorBytes { get; init; } = 64;

    /// <summary>Where a 32-bit kernel's half begins (CONFIG_PAGE_OFFSET): a multiple of 1 GiB with PAE, of 4 MiB without.</summary>
    public ulong PageOffset { get; init; } = 0xc000_0000;

    /// <summary>Processors that a 32-bit kernel keeps room for (CONFIG_NR_CPUS).</summary>
    public int MostProcessors { get; init; } = 8;

    /// <summary>The <c>vmalloc=</c> of a 32-bit kernel's command line in bytes; null for 128 MiB.</summary>
    public ulong? VmallocBytes { get; init; }

    /// <summary>Whether a 32-bit kernel has high memory (CONFIG_HIGHMEM).</summary>
    public bool HighMemory { get; init; } = true;

    /// <summary>The kernel itself; null for one that suits the memory.</summary>
    public KernelImage? Image { get; init; }
}
