namespace FastMmu.Reference;

/// <summary>What segmentation makes of a logical address: a linear address, or a fault.</summary>
/// <param name="Linear">
/// Linear address of the first byte, after masking (LAM); with a fault, of no meaning. Outside 64-bit mode it has 32 bits.
/// </param>
/// <param name="Fault">#SS(0) or #GP(0), or null.</param>
public readonly record struct ReferenceLinear(ulong Linear, ReferenceFault? Fault)
{
    /// <summary>Whether there is a linear address.</summary>
    public bool Ok => Fault is null;

    /// <summary>The address or the fault.</summary>
    public override string ToString() => Fault?.ToString() ?? $"0x{Linear:x}";
}
