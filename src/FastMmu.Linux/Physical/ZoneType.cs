namespace FastMmu.Linux.Physical;

/// <summary>A part of physical memory by what can reach it.</summary>
public enum ZoneType
{
    /// <summary>The first 16 MiB, for devices of the ISA bus.</summary>
    Dma = 0,

    /// <summary>Up to 4 GiB, for devices that write 32-bit addresses. 64-bit kernels only.</summary>
    Dma32 = 1,

    /// <summary>What the kernel has mapped for good.</summary>
    Normal = 2,

    /// <summary>What a 32-bit kernel has to map before it can touch it.</summary>
    HighMem = 3,

    /// <summary>Memory at the top kept for movable pages (<c>movablecore=</c>).</summary>
    Movable = 4,

    /// <summary>Memory of devices. Always empty here; it has its place in the texts of 64-bit kernels.</summary>
    Device = 5,
}
