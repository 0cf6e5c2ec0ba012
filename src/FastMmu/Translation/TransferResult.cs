using FastMmu.Processor;

namespace FastMmu;

/// <summary>How far a transfer came.</summary>
/// <param name="Bytes">Bytes moved, from the first one on.</param>
/// <param name="Fault">Why no more: the fault of the page that refused. <see cref="MmuFault.None"/> if all were moved.</param>
public readonly record struct TransferResult(int Bytes, MmuFault Fault)
{
    /// <summary>Whether all bytes were moved.</summary>
    public bool IsComplete => !Fault.IsFault;

    /// <summary><c>4096 bytes</c>, or <c>4096 bytes, then #PF(W|U) at 0x2000: not present at level 1</c>.</summary>
    public override string ToString() => IsComplete ? $"{Bytes} bytes" : $"{Bytes} bytes, then {Fault}";
}
