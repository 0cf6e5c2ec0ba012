using FastMmu.Processor;

namespace FastMmu.Linux.Kernel;

/// <summary>The four ways in which Linux for x86 divides addresses and memory.</summary>
public enum KernelArchitecture
{
    /// <summary>64-bit with four levels of tables: 128 TiB for the user, as much for the kernel.</summary>
    X8664 = 0,

    /// <summary>64-bit with five levels of tables: 64 PiB each.</summary>
    X8664La57 = 1,

    /// <summary>32-bit with two levels of tables: 3 GiB for the user, 1 GiB for the kernel.</summary>
    I386 = 2,

    /// <summary>32-bit with three levels of tables (PAE), divided as <see cref="I386"/>.</summary>
    I386Pae = 3,
}

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
