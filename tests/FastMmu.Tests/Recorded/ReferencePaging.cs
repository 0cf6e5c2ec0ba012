using FastMmu.Cli.Recorded;
using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Recorded;

/// <summary>The reference model as a subject, over a dictionary for memory. What nothing was written to reads as zero.</summary>
internal sealed class ReferencePaging : IPagingSubject, IReferenceMemory
{
    private readonly Dictionary<ulong, ulong> _words = [];
    private PagingState _state;

    public void Back(ReadOnlySpan<ulong> addresses)
    {
    }

    public void WriteEntry(ulong address, ulong value, int bytes) => WritePhysical(address, value, bytes);

    public ulong ReadEntry(ulong address, int bytes) => ReadPhysical(address, bytes);

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

    public PagingAnswer LoadState(in PagingState state) => Commit(state, ReferencePdptes.LoadedByCr3Write(state));

    public PagingAnswer WriteControlRegister(int register, ulong value)
    {
        PagingState next = _state;
        switch (register)
        {
            case 0:
                next.Cr0 = value;
                return Commit(next, ReferencePdptes.LoadedByCr0Write(_state, next));
            case 3:
                next.Cr3 = value;
                return Commit(next, ReferencePdptes.LoadedByCr3Write(next));
            default:
                next.Cr4 = value;
                return Commit(next, ReferencePdptes.LoadedByCr4Write(_state, next));
        }
    }

    public PagingAnswer Access(ulong linear, Access access, Privilege privilege, bool stack)
    {
        ReferenceAnswer answer = ReferenceWalker.Translate(_state, this, new ReferenceAccess(linear, access, privilege, stack), updateEntries: true);
        return answer.Fault is { } fault
            ? new PagingAnswer((int)fault.Vector, (uint)fault.ErrorCode, fault.Cr2, 0, fault.Level)
            : PagingAnswer.Ok(answer.Physical);
    }

    public void Dispose() => _words.Clear();

    private PagingAnswer Commit(PagingState next, bool loads)
    {
        if (loads && !ReferencePdptes.TryLoad(ref next, this)) return new PagingAnswer((int)ExceptionVector.GeneralProtection, 0, null, 0, 0);
        _state = next;
        return PagingAnswer.Ok(0);
    }
}
