namespace FastMmu.Processor;

/// <summary>What an access does to memory. A read-modify-write is a <see cref="Write"/>: it needs, checks and reports the right to write.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Determination of Access Rights" (4.6.1).</remarks>
public enum Access : byte
{
    /// <summary>A data read.</summary>
    Read = 0,

    /// <summary>A data write, or a read-modify-write.</summary>
    Write = 1,

    /// <summary>An instruction fetch.</summary>
    Execute = 2,

    /// <summary>A read of a shadow stack (CET): RET, RSTORSSP and their kin.</summary>
    ShadowStackRead = 3,

    /// <summary>A write to a shadow stack (CET): CALL, WRSS and their kin.</summary>
    ShadowStackWrite = 4,
}

/// <summary>On whose behalf an access is made.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Determination of Access Rights" (4.6.1).</remarks>
public enum Privilege : byte
{
    /// <summary>An explicit access at CPL 0, 1 or 2.</summary>
    Supervisor = 0,

    /// <summary>An access at CPL 3.</summary>
    User = 1,

    /// <summary>
    /// An implicit access to a system data structure (GDT, LDT, IDT, TSS), supervisor-mode at any CPL. RFLAGS.AC does not exempt it from SMAP.
    /// </summary>
    ImplicitSupervisor = 2,
}
