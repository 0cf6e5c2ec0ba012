using FastMmu.Processor;

namespace FastMmu.Linux.Kernel;

/// <summary>What follows from an architecture.</summary>
public static class KernelArchitectures
{
    /// <summary>Whether it is one of the 64-bit ones.</summary>
    /// <param name="architecture">The architecture.</param>
    public static bool Is64Bit(this KernelArchitecture architecture) => architecture is KernelArchitecture.X8664 or KernelArchitecture.X8664La57;

    /// <summary>The paging mode of its tables.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not an architecture.</exception>
    public static PagingMode Mode(this KernelArchitecture architecture) => architecture switch
    {
        KernelArchitecture.X8664 => PagingMode.FourLevel,
        KernelArchitecture.X8664La57 => PagingMode.FiveLevel,
        KernelArchitecture.I386 => PagingMode.TwoLevel,
        KernelArchitecture.I386Pae => PagingMode.Pae,
        _ => throw new ArgumentOutOfRangeException(nameof(architecture), architecture, "Not an architecture."),
    };
}
