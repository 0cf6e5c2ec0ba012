namespace FastMmu.Segmentation;

/// <summary>A descriptor of eight bytes as it stands in a GDT or LDT: a code or data segment, or a system segment outside 64-bit mode.</summary>
/// <param name="Value">The raw eight bytes, little-endian.</param>
/// <remarks>
/// <code>
///  63         56 55 54  53 52  51     48 47 46 45 44 43  40 39         32
/// +-------------+--+---+--+---+---------+--+-----+--+------+-------------+
/// | base 31:24  |G |D/B|L |AVL|lim 19:16| P| DPL |S | type | base 23:16  |
/// +-------------+--+---+--+---+---------+--+-----+--+------+-------------+
/// |           base 15:0                 |          limit 15:0            |
/// +-------------------------------------+--------------------------------+
///  31                                 16 15                             0
/// </code>
/// Source: Intel SDM vol. 3A, "Segment Descriptors" (3.4.5), figure 3-8.
/// </remarks>
public readonly record struct SegmentDescriptor(ulong Value)
{
    /// <summary>Position of the byte that holds type, S, DPL and P.</summary>
    public const int AccessRightsByte = 5;

    private const int AttributesShift = 40;
    private const ulong AttributesMask = (ulong)SegmentAttributes.Mask << AttributesShift;

    /// <summary>Makes a descriptor.</summary>
    /// <param name="attributes">Everything but base and limit.</param>
    /// <param name="segmentBase">Linear address of the segment's first byte.</param>
    /// <param name="rawLimit">The limit field, 20 bits, in bytes or pages as G says; higher bits are dropped.</param>
    /// <example><code>
    /// SegmentDescriptor data = SegmentDescriptor.Create(0xc093, 0x1000, 0xf);
    /// Console.WriteLine($"{data.Base:x} {data.Limit:x} {data.Attributes.IsWritableData}");       // 1000 ffff True
    /// </code></example>
    public static SegmentDescriptor Create(SegmentAttributes attributes, uint segmentBase, uint rawLimit) => new(
        ((segmentBase & 0xff00_0000UL) << 32)
        | ((ulong)attributes.Value << AttributesShift)
        | ((rawLimit & 0x000f_0000UL) << 32)
        | ((segmentBase & 0x00ff_ffffUL) << 16)
        | (rawLimit & 0x0000_ffffUL));

    /// <summary>Linear address of the segment's first byte.</summary>
    public uint Base => (uint)(((Value >> 16) & 0x00ff_ffff) | ((Value >> 32) & 0xff00_0000));

    /// <summary>The limit field, 20 bits, in bytes or pages as G says.</summary>
    public uint RawLimit => (uint)((Value & 0xffff) | ((Value >> 32) & 0xf_0000));

    /// <summary>The limit in bytes: the last valid offset, or for expand-down data the last one that is not.</summary>
    public uint Limit => Attributes.G ? (RawLimit << 12) | 0xfff : RawLimit;

    /// <summary>Everything but base and limit.</summary>
    public SegmentAttributes Attributes => new((ushort)((Value & AttributesMask) >> AttributesShift));

    /// <summary>Reads eight bytes as a descriptor.</summary>
    /// <param name="value">The raw eight bytes, little-endian.</param>
    public static implicit operator SegmentDescriptor(ulong value) => new(value);

    /// <summary>The descriptor in words: <c>data RW accessed DPL 3, base 0x0, limit 0xffffffff</c>.</summary>
    public override string ToString() => $"{Attributes}, base 0x{Base:x}, limit 0x{Limit:x}";
}
