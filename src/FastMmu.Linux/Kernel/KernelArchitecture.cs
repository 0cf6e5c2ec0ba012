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
