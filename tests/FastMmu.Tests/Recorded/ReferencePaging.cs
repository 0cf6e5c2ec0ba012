using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Recorded;

/// <summary>The reference model as a unit, over a dictionary for memory. What nothing was written to reads as zero.</summary>
internal sealed class ReferencePaging : IMmuUnderTest
{
    private readonly Dictionary<ulong, ulong> _words = [];
    private PagingState _state;

    public ulong ReadPhysical(ulong address, int bytes)
    {
        ulong word = _words.GetValueOrDefault(address & ~7UL);
        return bytes == 8 ? word : (uint)(word >> (int)(8 * (address & 4)));
    }

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        int shift = (int)(8 * (address & 4));
        ulong mask = bytes == 8 ? ulong.MaxValue : (ulong)uint.MaxValue << shift;
        ulong word = (_words.GetValueOrDefault(address & ~7UL) & ~mask) | (value << shift);
        if (word == 0) _words.Remove(address & ~7UL);
        else _words[address & ~7UL] = word;
    }

    public void Reset(in PagingState state) => _state = state;

    public bool Execute(in MmuInstruction instruction)
    {
        PagingState next = _state;
        bool loads;
        switch (instruction.Kind)
        {
            case MmuInstructionKind.WriteCr0:
                next.Cr0 = instruction.Operand;
                loads = ReferencePdptes.LoadedByCr0Write(_state, next);
                break;
            case MmuInstructionKind.WriteCr3:
                next.Cr3 = instruction.Operand;
                loads = ReferencePdptes.LoadedByCr3Write(next);
                break;
            default:
                next.Cr4 = instruction.Operand;
                loads = ReferencePdptes.LoadedByCr4Write(_state, next);
                break;
        }

        if (loads && !ReferencePdptes.TryLoad(ref next, this)) return false;
        _state = next;
        return true;
    }

    public ObservedAnswer Access(in ReferenceAccess access)
    {
        ReferenceAnswer answer = ReferenceWalker.Translate(_state, this, access, updateEntries: true);
        return answer.Fault is { } fault ? ObservedAnswer.Faulted(fault.Vector, fault.ErrorCode, fault.Cr2) : ObservedAnswer.Translated(answer.Physical);
    }
}
