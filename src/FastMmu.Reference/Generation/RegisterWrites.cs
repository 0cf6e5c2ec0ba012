using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>What the register writes of a case make of the registers.</summary>
internal static class RegisterWrites
{
    /// <summary>The register that an instruction writes.</summary>
    public static ulong Value(in PagingState state, MmuInstructionKind kind) => kind switch
    {
        MmuInstructionKind.WriteCr0 => state.Cr0.Value,
        MmuInstructionKind.WriteCr3 => state.Cr3.Value,
        MmuInstructionKind.WriteCr4 => state.Cr4.Value,
        MmuInstructionKind.WriteEfer => state.Efer.Value,
        MmuInstructionKind.WritePkru => state.Pkru.Value,
        MmuInstructionKind.WritePkrs => state.Pkrs.Value,
        _ => state.RFlags.Value,
    };

    /// <summary>Writes a register; PDPTEs are not loaded here.</summary>
    /// <returns>False, and nothing is changed, if the write is none that cases make: it would be refused, or change the paging mode.</returns>
    public static bool TryApply(ref PagingState state, in MmuInstruction instruction)
    {
        PagingState next = state;
        ulong value = instruction.Operand;
        switch (instruction.Kind)
        {
            case MmuInstructionKind.WriteCr0:
                next.Cr0 = value;
                break;
            case MmuInstructionKind.WriteCr3:
                // Bit 63 with PCIDE=1 is an order and not stored; outside long mode the register has 32 bits.
                if (state.Cr4.Pcide) value &= ~(1UL << 63);
                next.Cr3 = state.Efer.Lma ? value : (uint)value;
                break;
            case MmuInstructionKind.WriteCr4:
                next.Cr4 = value;
                break;
            case MmuInstructionKind.WriteEfer:
                next.Efer = value;
                break;
            case MmuInstructionKind.WritePkru:
                if (!state.Features.Pku) return false;
                next.Pkru = (uint)value;
                break;
            case MmuInstructionKind.WritePkrs:
                if (!state.Features.Pks) return false;
                next.Pkrs = (uint)value;
                break;
            case MmuInstructionKind.WriteRFlags:
                next.RFlags = value;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(instruction), instruction.Kind, "This writes no register.");
        }

        if (!RegisterRules.IsPossible(in state, in next)) return false;
        state = next;
        return true;
    }
}
