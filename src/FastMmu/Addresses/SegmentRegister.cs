namespace FastMmu.Addresses;

/// <summary>The segment registers, numbered as instructions encode them.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Segment Registers" (3.4.3); vol. 2, Sreg field (B.1.4.6).</remarks>
public enum SegmentRegister : byte
{
    /// <summary>Extra segment.</summary>
    ES = 0,

    /// <summary>Code segment.</summary>
    CS = 1,

    /// <summary>Stack segment.</summary>
    SS = 2,

    /// <summary>Data segment.</summary>
    DS = 3,

    /// <summary>Second extra segment; keeps its base in 64-bit mode.</summary>
    FS = 4,

    /// <summary>Third extra segment; keeps its base in 64-bit mode.</summary>
    GS = 5,
}
