namespace FastMmu.Processor;

/// <summary>The error code of a page fault.</summary>
/// <remarks>
/// <code>
///  15            7   6    5    4     3     2    1    0
/// +-----+- - - -+----+----+-----+------+-----+-----+---+
/// | SGX |   0   | SS | PK | I/D | RSVD | U/S | W/R | P |
/// +-----+- - - -+----+----+-----+------+-----+-----+---+
/// </code>
/// Source: Intel SDM vol. 3A, "Page-Fault Exceptions" (4.7).
/// </remarks>
[Flags]
public enum PageFaultError : ushort
{
    /// <summary>A supervisor read of a page that is not present.</summary>
    None = 0,

    /// <summary>P: the translation was present; the fault is one of rights or reserved bits.</summary>
    Present = 1 << 0,

    /// <summary>W/R: the access was a write.</summary>
    Write = 1 << 1,

    /// <summary>U/S: the access was made in user mode.</summary>
    User = 1 << 2,

    /// <summary>RSVD: a present entry has a reserved bit set.</summary>
    Reserved = 1 << 3,

    /// <summary>I/D: the access was an instruction fetch (reported only with SMEP, or with PAE and NXE).</summary>
    InstructionFetch = 1 << 4,

    /// <summary>PK: a protection key refused the access.</summary>
    ProtectionKey = 1 << 5,

    /// <summary>SS: the access was to a shadow stack.</summary>
    ShadowStack = 1 << 6,
}
