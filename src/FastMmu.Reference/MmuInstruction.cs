namespace FastMmu.Reference;

/// <summary>One instruction that invalidates something or writes a register.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Operand">The value written, or the operand of the invalidation.</param>
/// <param name="Context">INVPCID only: bits 63:0 of the descriptor, the PCID in bits 11:0.</param>
/// <param name="Linear">INVPCID only: bits 127:64 of the descriptor, a linear address.</param>
public readonly record struct MmuInstruction(MmuInstructionKind Kind, ulong Operand, ulong Context = 0, ulong Linear = 0)
{
    /// <summary><c>INVLPG 0x1000</c>, <c>CR4 = 0x620</c>.</summary>
    public override string ToString() => Kind switch
    {
        MmuInstructionKind.InvalidatePage => $"INVLPG 0x{Operand:x}",
        MmuInstructionKind.InvalidateProcessContext => $"INVPCID type {Operand:x}, PCID 0x{Context:x}, address 0x{Linear:x}",
        _ => $"{Kind.ToString()["Write".Length..].ToUpperInvariant()} = 0x{Operand:x}",
    };
}
