using FastMmu.Addresses;
using FastMmu.Linux.Kernel;

namespace FastMmu.Linux.Physical;

/// <summary>How physical memory is divided and how much of it is kept back: the kernel's command line and sysctls.</summary>
public sealed record PageAllocatorOptions
{
    /// <summary>Which zones there are. 64-bit unless set.</summary>
    public KernelArchitecture Architecture { get; init; } = KernelArchitecture.X8664;

    /// <summary>Processors, each with its own lists of pages; 1 or more.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>Bytes at the top that only movable pages get (<c>movablecore=</c>).</summary>
    public ulong MovableBytes { get; init; }

    /// <summary>Where <see cref="ZoneType.Normal"/> ends on a 32-bit kernel; null for where its layout has the end of the direct map.</summary>
    public ulong? LowMemoryEnd { get; init; }

    /// <summary>Whether a PAE kernel uses memory above 4 GiB (CONFIG_HIGHMEM64G, gone with Linux 6.15).</summary>
    public bool HighMemory64G { get; init; }

    /// <summary>Ranges that are there but never handed out; null for the first MiB, as firmware leaves it.</summary>
    public IReadOnlyList<PhysicalRange>? Reserved { get; init; }

    /// <summary>vm.min_free_kbytes; null for what the kernel computes from the size of its memory.</summary>
    public ulong? MinFreeKilobytes { get; init; }

    /// <summary>vm.watermark_scale_factor: the distance between watermarks in 1/10,000 of a zone.</summary>
    public int WatermarkScaleFactor { get; init; } = 10;

    /// <summary>vm.lowmem_reserve_ratio of the zones below <see cref="ZoneType.HighMem"/>; zero keeps nothing back.</summary>
    public LowmemReserveRatio LowmemReserve { get; init; } = new(256, 256, 32);

    /// <summary>Whether transparent huge pages raise the computed vm.min_free_kbytes, so that page blocks of each kind stay free.</summary>
    public bool TransparentHugePages { get; init; }
}
