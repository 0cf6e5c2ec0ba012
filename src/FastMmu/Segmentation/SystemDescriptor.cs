namespace FastMmu.Segmentation;

/// <summary>A descriptor of sixteen bytes: a TSS or an LDT as 64-bit mode has it, in two consecutive entries of the GDT.</summary>
/// <param name="Low">The first eight bytes: as in <see cref="SegmentDescriptor"/>.</param>
/// <param name="High">The second eight bytes.</param>
/// <remarks>
/// <code>
///  127                    109 108   104 103         96
/// +--------------------------+---------+-------------+
/// |         reserved         |    0    |  reserved   |
/// +--------------------------+---------+-------------+
/// |                  base 63:32                      |
/// +--------------------------------------------------+
///  95                                              64
/// </code>
/// Bits 108:104 stand where an eight-byte descriptor has its type and S: were they not 0, the second half could be loaded as a segment.
/// Source: Intel SDM vol. 3A, "TSS Descriptor in 64-bit mode" (8.2.3), figure 8-4; "Segment Descriptor Tables in IA-32e Mode" (3.5.2).
/// </remarks>
public readonly record struct SystemDescriptor(ulong Low, ulong High)
{
    private const ulong UpperTypeMask = 0x1fUL << 40;

    /// <summary>Makes a descriptor.</summary>
    /// <param name="attributes">Everything but base and limit; S must be clear for the processor to accept it.</param>
    /// <param name="segmentBase">Linear address of the structure's first byte.</param>
    /// <param name="rawLimit">The limit field, 20 bits, in bytes or pages as G says; higher bits are dropped.</param>
    /// <example><code>
    /// SystemDescriptor tss = SystemDescriptor.Create(0x89, 0xffff_fe00_0000_3000, 0x4087);
    /// Console.WriteLine($"{tss.Low:x16} {tss.High:x16}");     // 0000890030004087 00000000fffffe00
    /// </code></example>
    public static SystemDescriptor Create(SegmentAttributes attributes, ulong segmentBase, uint rawLimit) =>
        new(SegmentDescriptor.Create(attributes, (uint)segmentBase, rawLimit).Value, segmentBase >> 32);

    /// <summary>Linear address of the structure's first byte.</summary>
    public ulong Base => new SegmentDescriptor(Low).Base | (High << 32);

    /// <summary>The limit field, 20 bits, in bytes or pages as G says.</summary>
    public uint RawLimit => new SegmentDescriptor(Low).RawLimit;

    /// <summary>The limit in bytes: the last valid offset.</summary>
    public uint Limit => new SegmentDescriptor(Low).Limit;

    /// <summary>Everything but base and limit.</summary>
    public SegmentAttributes Attributes => new SegmentDescriptor(Low).Attributes;

    /// <summary>Whether the bits that must be 0 in the second half are 0.</summary>
    public bool UpperTypeIsZero => (High & UpperTypeMask) == 0;

    /// <summary>The descriptor in words: <c>BusyTss DPL 0, base 0xfffffe0000003000, limit 0x4087</c>.</summary>
    public override string ToString() => $"{Attributes}, base 0x{Base:x}, limit 0x{Limit:x}";
}
