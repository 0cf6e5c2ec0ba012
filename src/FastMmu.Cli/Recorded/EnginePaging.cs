using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Cli.Recorded;

/// <summary>The engine as a subject: <see cref="Mmu"/> over a memory that has RAM where the rows have their tables.</summary>
internal sealed class EnginePaging : IPagingSubject
{
    // No address of a row: whether CR2 was written shows even if the value is the same as before.
    private const ulong UntouchedCr2 = 0x5a5a_5a5a_5a5a_5a5a;

    private readonly TableMemory _tables = new();
    private readonly List<Mmu> _processors = [];
    private Mmu? _mmu;

    public void Back(ReadOnlySpan<ulong> addresses)
    {
        if (_tables.Back(addresses)) DisposeProcessors();
    }

    public void WriteEntry(ulong address, ulong value, int bytes)
    {
        if (bytes == 4) Memory.Write(address, (uint)value);
        else Memory.Write(address, value);
    }

    public ulong ReadEntry(ulong address, int bytes) => bytes == 4 ? Memory.Read<uint>(address) : Memory.Read<ulong>(address);

    public PagingAnswer LoadState(in PagingState state)
    {
        _mmu = Processor(state.Features);
        _mmu.Cr2 = UntouchedCr2;
        return Answer(_mmu, _mmu.LoadState(in state));
    }

    public PagingAnswer WriteControlRegister(int register, ulong value)
    {
        Mmu mmu = _mmu!;
        return Answer(mmu, register switch
        {
            0 => mmu.WriteCr0(value),
            3 => mmu.WriteCr3(value),
            _ => mmu.WriteCr4(value),
        });
    }

    public PagingAnswer Access(ulong linear, Access access, Privilege privilege, bool stack)
    {
        Mmu mmu = _mmu!;
        Translation translation = mmu.Translate(linear, access, privilege, stack);
        return translation.Ok ? PagingAnswer.Ok(translation.Physical.Value) : Answer(mmu, translation.Fault);
    }

    public void Dispose()
    {
        DisposeProcessors();
        _tables.Dispose();
    }

    private PhysicalMemory Memory => _tables.Memory!;

    private static PagingAnswer Answer(Mmu mmu, MmuFault fault) =>
        new((int)fault.Vector, fault.ErrorCode, mmu.Cr2 == UntouchedCr2 ? null : mmu.Cr2, 0, fault.Level);

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
