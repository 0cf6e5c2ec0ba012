namespace FastMmu.Reference;

/// <summary>The instructions that software steers address translation with.</summary>
public enum MmuInstructionKind
{
    /// <summary>INVLPG: <see cref="MmuInstruction.Operand"/> is the linear address.</summary>
    InvalidatePage,

    /// <summary>
    /// INVPCID: <see cref="MmuInstruction.Operand"/> is the type, <see cref="MmuInstruction.Context"/> and <see cref="MmuInstruction.Linear"/> are
    /// the two halves of the descriptor. Operands may be such that it raises #GP(0).
    /// </summary>
    InvalidateProcessContext,

    /// <summary>MOV to CR0.</summary>
    WriteCr0,

    /// <summary>MOV to CR3; bit 63 of the operand keeps what is cached if CR4.PCIDE=1.</summary>
    WriteCr3,

    /// <summary>MOV to CR4.</summary>
    WriteCr4,

    /// <summary>WRMSR to IA32_EFER.</summary>
    WriteEfer,

    /// <summary>WRPKRU.</summary>
    WritePkru,

    /// <summary>WRMSR to IA32_PKRS.</summary>
    WritePkrs,

    /// <summary>POPF, or CLAC and STAC: RFLAGS, of which AC counts.</summary>
    WriteRFlags,
}
