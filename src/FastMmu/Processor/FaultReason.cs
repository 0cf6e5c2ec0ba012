namespace FastMmu.Processor;

/// <summary>Why an access was refused. Finer than the error code; for people and tests, not for the guest.</summary>
public enum FaultReason : byte
{
    /// <summary>No fault.</summary>
    None = 0,

    /// <summary>A paging-structure entry has P=0.</summary>
    NotPresent,

    /// <summary>A present paging-structure entry has a reserved bit set.</summary>
    ReservedBit,

    /// <summary>A user-mode access to a supervisor page.</summary>
    SupervisorPage,

    /// <summary>A write to a page that is not writable along its path.</summary>
    WriteProtected,

    /// <summary>A fetch from a page with XD=1 along its path.</summary>
    ExecuteDisabled,

    /// <summary>A supervisor fetch from a user page with CR4.SMEP=1.</summary>
    Smep,

    /// <summary>A supervisor access to a user page with CR4.SMAP=1.</summary>
    Smap,

    /// <summary>PKRU or IA32_PKRS refused the access.</summary>
    ProtectionKey,

    /// <summary>A shadow-stack access to another kind of page.</summary>
    ShadowStack,

    /// <summary>The linear address is not canonical.</summary>
    NonCanonical,

    /// <summary>CR4.LASS=1 and the address belongs to the other half of the address space.</summary>
    LinearAddressSpaceSeparation,

    /// <summary>The offset lies outside the segment.</summary>
    SegmentLimit,

    /// <summary>The segment's type forbids the access (write to code or read-only data, read of execute-only code), or the load.</summary>
    SegmentType,

    /// <summary>CPL, RPL and DPL do not allow the load.</summary>
    SegmentPrivilege,

    /// <summary>The null selector was loaded or used where it may not be.</summary>
    NullSelector,

    /// <summary>The selector points outside its descriptor table.</summary>
    SelectorOutsideTable,

    /// <summary>The descriptor has P=0.</summary>
    SegmentNotPresent,

    /// <summary>A write to a control register or MSR that the architecture refuses.</summary>
    RegisterWrite,

    /// <summary>A page-directory-pointer-table entry with reserved bits, when the four were loaded.</summary>
    PdpteReserved,

    /// <summary>A misaligned access at CPL 3 with CR0.AM=1 and RFLAGS.AC=1.</summary>
    Misaligned,

    /// <summary>An operand of INVPCID that the architecture refuses.</summary>
    InvalidationOperand,

    /// <summary>A paging structure itself could not be reached: nested paging, where the second stage has the fault.</summary>
    TableUnreachable,

    /// <summary>No rule of the processor: the handler of a watch has raised it.</summary>
    Watch,
}
