using FastMmu.Processor;

namespace FastMmu;

/// <summary>What was read of a string that ends with a zero byte.</summary>
/// <param name="Bytes">Bytes read, without the zero.</param>
/// <param name="IsTerminated">Whether the zero was found. If not, <paramref name="Fault"/> says what came first, or it is none: then the limit did.</param>
/// <param name="Fault">The fault of the byte behind those read, or <see cref="MmuFault.None"/>.</param>
public readonly record struct StringResult(int Bytes, bool IsTerminated, MmuFault Fault)
{
    /// <summary><c>5 bytes</c>, <c>5 bytes without an end</c>, or <c>5 bytes, then #PF(U) at 0x2000: not present at level 1</c>.</summary>
    public override string ToString() =>
        IsTerminated ? $"{Bytes} bytes" : Fault.IsFault ? $"{Bytes} bytes, then {Fault}" : $"{Bytes} bytes without an end";
}
