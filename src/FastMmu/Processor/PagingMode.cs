namespace FastMmu.Processor;

/// <summary>The paging modes of x86.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Paging-Mode Enabling" (4.1.1).</remarks>
public enum PagingMode : byte
{
    /// <summary>CR0.PG=0: a linear address is a physical address of 32 bits.</summary>
    None = 0,

    /// <summary>32-bit two-level paging: PG=1, PAE=0.</summary>
    TwoLevel = 2,

    /// <summary>PAE paging: PG=1, PAE=1, LMA=0.</summary>
    Pae = 3,

    /// <summary>Four-level paging: LMA=1, LA57=0.</summary>
    FourLevel = 4,

    /// <summary>Five-level paging: LMA=1, LA57=1.</summary>
    FiveLevel = 5,
}
