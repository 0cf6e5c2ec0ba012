namespace FastMmu.Addresses;

/// <summary>
/// A logical (far) address as a program states it: a segment register and an offset into the segment that the register holds.
/// </summary>
/// <param name="Segment">The register whose cached descriptor gives base, limit and rights.</param>
/// <param name="Offset">Offset in bytes; only the low 32 bits count outside 64-bit mode.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Logical and Linear Addresses" (3.4).</remarks>
public readonly record struct LogicalAddress(SegmentRegister Segment, ulong Offset)
{
    /// <summary>The address as <c>ds:0x1234</c>.</summary>
    public override string ToString() => $"{Segment.ToString().ToLowerInvariant()}:0x{Offset:x}";
}
