namespace FastMmu.Segmentation;

/// <summary>GDTR (or IDTR): where the table lies.</summary>
/// <param name="Base">Linear address of the first byte.</param>
/// <param name="Limit">Offset of the last byte: one less than the size in bytes.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Global Descriptor Table Register (GDTR)" (2.4.1).</remarks>
public readonly record struct DescriptorTableRegister(ulong Base, ushort Limit)
{
    /// <summary>The register as <c>base 0x1000, limit 0x7f</c>.</summary>
    public override string ToString() => $"base 0x{Base:x}, limit 0x{Limit:x}";
}
