using FastMmu.Memory;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Verification;

/// <summary>The engine as its own verification kit drives it.</summary>
internal sealed class EngineUnderTest(MmuOptions? options = null) : IMmuUnderTest, IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(8 * MiB);
    private Mmu? _mmu;

    public void Reset(in PagingState state)
    {
        if (_mmu?.Features != state.Features)
        {
            _mmu?.Dispose();
            _mmu = new Mmu(_memory, state.Features, options);
        }

        _mmu.LoadState(in state);
    }

    public ulong ReadPhysical(ulong address, int bytes) => bytes == 4 ? _memory.Read<uint>(address) : _memory.Read<ulong>(address);

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        if (bytes == 4) _memory.Write(address, (uint)value);
        else _memory.Write(address, value);
    }

    public ObservedAnswer Access(in ReferenceAccess access) =>
        ObservedAnswer.From(_mmu!.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack));

    public bool Execute(in MmuInstruction instruction)
    {
        MmuFault fault = MmuFault.None;
        switch (instruction.Kind)
        {
            case MmuInstructionKind.InvalidatePage:
                _mmu!.InvalidatePage(instruction.Operand);
                break;
            case MmuInstructionKind.InvalidateProcessContext:
                fault = _mmu!.InvalidatePcid(instruction.Operand, instruction.Context, instruction.Linear);
                break;
            case MmuInstructionKind.WriteCr0:
                fault = _mmu!.WriteCr0(instruction.Operand);
                break;
            case MmuInstructionKind.WriteCr3:
                fault = _mmu!.WriteCr3(instruction.Operand);
                break;
            case MmuInstructionKind.WriteCr4:
                fault = _mmu!.WriteCr4(instruction.Operand);
                break;
            case MmuInstructionKind.WriteEfer:
                fault = _mmu!.WriteEfer(instruction.Operand);
                break;
            case MmuInstructionKind.WritePkru:
                _mmu!.WritePkru((uint)instruction.Operand);
                break;
            case MmuInstructionKind.WritePkrs:
                fault = _mmu!.WritePkrs(instruction.Operand);
                break;
            default:
                _mmu!.SetRFlags(instruction.Operand);
                break;
        }

        return !fault.IsFault;
    }

    public void Dispose()
    {
        _mmu?.Dispose();
        _memory.Dispose();
    }
}
