namespace FastMmu.Segmentation;

/// <summary>A call gate: eight bytes, or sixteen in long mode.</summary>
/// <param name="Low">The first eight bytes.</param>
/// <param name="High">The second eight bytes in long mode; 0 otherwise.</param>
/// <remarks>
/// <code>
///  127                    109 108   104 103              96
/// +--------------------------+---------+------------------+   long mode only
/// |         reserved         |    0    |     reserved     |
/// +--------------------------+---------+------------------+
/// |                   offset 63:32                        |
/// +------------------------------+--+-----+--+------+-----+-----------+
/// |         offset 31:16         | P| DPL | 0| type | 000 | parameters|
/// +------------------------------+--+-----+--+------+-----+-----------+
/// |          selector            |            offset 15:0             |
/// +------------------------------+------------------------------------+
///  31                          16 15                                 0
/// </code>
/// Source: Intel SDM vol. 3A, "Call Gates" (5.8.3), figures 5-8 and 5-9.
/// </remarks>
public readonly record struct CallGate(ulong Low, ulong High = 0)
{
    /// <summary>Makes a gate.</summary>
    /// <param name="target">The code segment that it leads to.</param>
    /// <param name="offset">Where in it; the upper half counts in long mode only.</param>
    /// <param name="dpl">The privilege that may call, 0 to 3; only its low two bits count.</param>
    /// <param name="type">One of the two call-gate types.</param>
    /// <param name="parameters">How many words or doublewords are copied to the inner stack, 0 to 31; only its low five bits count.</param>
    /// <param name="present">P.</param>
    /// <example><code>
    /// CallGate gate = CallGate.Create(target: 0x10, offset: 0xffff_ffff_8100_0000, dpl: 3);
    /// Console.WriteLine($"{gate.Target} at {gate.Offset:x}");     // 0x10 (GDT 2, RPL 0) at ffffffff81000000
    /// </code></example>
    public static CallGate Create(
        Selector target, ulong offset, int dpl, SystemSegmentType type = SystemSegmentType.CallGate, int parameters = 0, bool present = true) => new(
        ((offset & 0xffff_0000) << 32)
        | ((ulong)((present ? 0x80 : 0) | ((dpl & 3) << 5) | (int)type) << 40)
        | ((ulong)(parameters & 31) << 32)
        | ((ulong)target.Value << 16)
        | (offset & 0xffff),
        offset >> 32);

    /// <summary>The code segment that the gate leads to.</summary>
    public Selector Target => new((ushort)(Low >> 16));

    /// <summary>Where in the code segment; 16 bits for a 16-bit gate.</summary>
    public ulong Offset => Attributes.SystemType == SystemSegmentType.CallGate16
        ? Low & 0xffff
        : (Low & 0xffff) | ((Low >> 32) & 0xffff_0000) | (High << 32);

    /// <summary>How many words or doublewords are copied to the inner stack; long mode copies none.</summary>
    public int Parameters => (int)(Low >> 32) & 31;

    /// <summary>Type, DPL and P; the rest is not an attribute of a gate and reads as 0.</summary>
    public SegmentAttributes Attributes => new((ushort)((Low >> 40) & 0xff));
}
