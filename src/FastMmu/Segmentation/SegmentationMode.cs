namespace FastMmu.Segmentation;

/// <summary>How a processor reads selectors and offsets.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Modes of Operation" (2.2); AMD APM vol. 2, table 1-1.</remarks>
public enum SegmentationMode : byte
{
    /// <summary>CR0.PE=0: a base is sixteen times its selector.</summary>
    Real,

    /// <summary>CR0.PE=1, EFER.LMA=0, RFLAGS.VM=1: as real mode, at CPL 3.</summary>
    Virtual8086,

    /// <summary>CR0.PE=1, EFER.LMA=0: descriptors of eight bytes.</summary>
    Protected,

    /// <summary>EFER.LMA=1, CS.L=0: segments as in protected mode.</summary>
    Compatibility,

    /// <summary>EFER.LMA=1, CS.L=1: no limits, bases for FS and GS only, canonical addresses.</summary>
    SixtyFourBit,
}
