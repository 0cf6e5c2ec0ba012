namespace FastMmu.Linux.Kernel;

/// <summary>A part of the address space.</summary>
/// <param name="First">First address.</param>
/// <param name="Last">Last address: a region may end where addresses do.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Formula">Where it comes from, in the kernel's words; empty for what lies between two others.</param>
public readonly record struct KernelRegion(ulong First, ulong Last, KernelRegionKind Kind, string Formula)
{
    /// <summary>Its bytes; 0 means 2^64, which no region has.</summary>
    public ulong Bytes => Last - First + 1;

    /// <summary>Whether an address lies in it.</summary>
    /// <param name="address">Any address.</param>
    public bool Contains(ulong address) => address >= First && address <= Last;
}
