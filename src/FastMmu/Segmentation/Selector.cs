namespace FastMmu.Segmentation;

/// <summary>A segment selector: which descriptor, in which table, asked for at which privilege.</summary>
/// <param name="Value">The raw 16 bits.</param>
/// <remarks>
/// <code>
///  15                      3    2   1   0
/// +-------------------------+----+-------+
/// |          index          | TI |  RPL  |
/// +-------------------------+----+-------+
/// </code>
/// Source: Intel SDM vol. 3A, "Segment Selectors" (3.4.2).
/// </remarks>
public readonly record struct Selector(ushort Value)
{
    private const ushort RplMask = 3;
    private const ushort TableIndicator = 1 << 2;
    private const int IndexShift = 3;

    /// <summary>Makes a selector.</summary>
    /// <param name="index">Index of the descriptor in its table, 0 to 8191.</param>
    /// <param name="rpl">Requested privilege level, 0 to 3.</param>
    /// <param name="local">Whether the table is the LDT.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> or <paramref name="rpl"/> is out of range.</exception>
    /// <example><code>
    /// Console.WriteLine(Selector.Create(6, rpl: 3));      // 0x33 (GDT 6, RPL 3)
    /// </code></example>
    public static Selector Create(int index, int rpl = 0, bool local = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, 8191);
        ArgumentOutOfRangeException.ThrowIfNegative(rpl);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rpl, 3);
        return new((ushort)((index << IndexShift) | (local ? TableIndicator : 0) | rpl));
    }

    /// <summary>Index of the descriptor in its table, 0 to 8191.</summary>
    public int Index => Value >> IndexShift;

    /// <summary>TI: whether the table is the LDT.</summary>
    public bool Local => (Value & TableIndicator) != 0;

    /// <summary>Requested privilege level, 0 to 3.</summary>
    public int Rpl => Value & RplMask;

    /// <summary>Whether this is a null selector: index 0 of the GDT, whatever its RPL.</summary>
    public bool IsNull => (Value & ~RplMask) == 0;

    /// <summary>The selector as an error code has it: RPL cleared (those two bits are EXT and IDT).</summary>
    public ushort ErrorCode => (ushort)(Value & ~RplMask);

    /// <summary>Offset in bytes of the descriptor in its table.</summary>
    public uint TableOffset => Value & ~7u;

    /// <summary>The same descriptor, asked for at another privilege.</summary>
    /// <param name="rpl">Requested privilege level; only its low two bits count.</param>
    /// <example><code>
    /// Console.WriteLine(new Selector(0x10).WithRpl(3));      // 0x13 (GDT 2, RPL 3)
    /// </code></example>
    public Selector WithRpl(int rpl) => new((ushort)((Value & ~RplMask) | (rpl & RplMask)));

    /// <summary>Reads a raw number as a selector.</summary>
    /// <param name="value">The raw 16 bits.</param>
    public static implicit operator Selector(ushort value) => new(value);

    /// <summary>The selector as <c>0x2b (GDT 5, RPL 3)</c>, or <c>0x0 (null)</c>.</summary>
    public override string ToString() => IsNull ? $"0x{Value:x} (null)" : $"0x{Value:x} ({(Local ? "LDT" : "GDT")} {Index}, RPL {Rpl})";
}
