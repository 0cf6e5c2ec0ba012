using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>The exception that an access deserves.</summary>
/// <param name="Vector">#PF, #GP or #SS.</param>
/// <param name="ErrorCode">The error code pushed; zero for #GP and #SS.</param>
/// <param name="Cr2">What CR2 receives: the linear address, after truncation and masking, for #PF; null leaves CR2 as it was.</param>
/// <param name="Level">The level whose entry was not present or had a reserved bit set; 0 where no single entry is to blame.</param>
/// <param name="Reasons">
/// Every rule that the access breaks, not empty. Rules are listed together when the processor evaluates them together (rights), so an
/// implementation may name any of them as its reason.
/// </param>
/// <remarks>Source: Intel SDM vol. 3A, "Page-Fault Exceptions" (4.7); vol. 1, "Canonical Addressing" (3.3.7.1).</remarks>
public sealed record ReferenceFault(ExceptionVector Vector, int ErrorCode, ulong? Cr2, int Level, IReadOnlyList<FaultReason> Reasons)
{
    /// <summary>The first of <see cref="Reasons"/>.</summary>
    public FaultReason Reason => Reasons[0];

    /// <summary><c>PageFault(0x7) at 0x1234, level 0: WriteProtected</c>.</summary>
    public override string ToString() =>
        $"{Vector}(0x{ErrorCode:x}){(Cr2 is { } cr2 ? $" at 0x{cr2:x}" : "")}{(Level == 0 ? "" : $", level {Level}")}: {string.Join(", ", Reasons)}";
}
