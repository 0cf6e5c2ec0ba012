using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Cli.Recorded;

/// <summary>The engine as the unit that recorded rows judge: <see cref="Mmu"/> over a memory that grows where the rows have their tables.</summary>
internal sealed class EnginePaging : IMmuUnderTest, IDisposable
{
    // No address of a row: whether CR2 was written shows even if the value is the same as before.
    private const ulong UntouchedCr2 = 0x5a5a_5a5a_5a5a_5a5a;

    private readonly TableMemory _tables = new();
    private readonly List<Mmu> _processors = [];
    private Mmu? _mmu;

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        if (_tables.Back(address)) DisposeProcessors();
        if (bytes == 4) Memory.Write(address, (uint)value);
        else Memory.Write(address, value);
        _tables.Note(address, value, bytes);
    }

    public ulong ReadPhysical(ulong address, int bytes) => bytes == 4 ? Memory.Read<uint>(address) : Memory.Read<ulong>(address);

    public void Reset(in PagingState state)
    {
        _mmu = Processor(state.Features);
        _mmu.Cr2 = UntouchedCr2;
        _mmu.LoadState(in state);
    }

    public bool Execute(in MmuInstruction instruction)
    {
        Mmu mmu = _mmu!;
        MmuFault fault = instruction.Kind switch
        {
            MmuInstructionKind.WriteCr0 => mmu.WriteCr0(instruction.Operand),
            MmuInstructionKind.WriteCr3 => mmu.WriteCr3(instruction.Operand),
            MmuInstructionKind.WriteCr4 => mmu.WriteCr4(instruction.Operand),
            _ => throw new NotSupportedException($"Recorded rows have no {instruction.Kind}."),
        };
        return !fault.IsFault;
    }

    public ObservedAnswer Access(in ReferenceAccess access)
    {
        Mmu mmu = _mmu!;
        Translation translation = mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
        if (translation.Ok) return ObservedAnswer.Translated(translation.Physical.Value);
        return ObservedAnswer.Faulted(translation.Fault.Vector, translation.Fault.ErrorCode, mmu.Cr2 == UntouchedCr2 ? null : mmu.Cr2);
    }

    public void Dispose()
    {
        DisposeProcessors();
        _tables.Dispose();
    }

    private PhysicalMemory Memory => _tables.Memory!;

    // A file names a handful of processors, each by one object.
    private Mmu Processor(ProcessorFeatures features)
    {
        foreach (Mmu known in _processors)
        {
            if (ReferenceEquals(known.Features, features)) return known;
        }

        var mmu = new Mmu(Memory, features);
        _processors.Add(mmu);
        return mmu;
    }

    private void DisposeProcessors()
    {
        foreach (Mmu mmu in _processors) mmu.Dispose();
        _processors.Clear();
        _mmu = null;
    }
}
