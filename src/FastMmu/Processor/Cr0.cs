namespace FastMmu.Processor;

/// <summary>Control register 0: protection and paging switches.</summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///  31   30   29           18   17  16           5    4    3    2    1    0
/// +----+----+----+- - - -+----+---+----+- - -+----+----+----+----+----+----+
/// | PG | CD | NW |       | AM |   | WP |     | NE | ET | TS | EM | MP | PE |
/// +----+----+----+- - - -+----+---+----+- - -+----+----+----+----+----+----+
/// </code>
/// Source: Intel SDM vol. 3A, "Control Registers" (2.5).
/// </remarks>
public readonly record struct Cr0(ulong Value)
{
    /// <summary>Bit 0: PE, protection enable.</summary>
    public const ulong PeBit = 1UL << 0;

    /// <summary>Bit 1: MP, monitor coprocessor.</summary>
    public const ulong MpBit = 1UL << 1;

    /// <summary>Bit 2: EM, x87 emulation.</summary>
    public const ulong EmBit = 1UL << 2;

    /// <summary>Bit 3: TS, task switched.</summary>
    public const ulong TsBit = 1UL << 3;

    /// <summary>Bit 4: ET, extension type; fixed to 1.</summary>
    public const ulong EtBit = 1UL << 4;

    /// <summary>Bit 5: NE, numeric error.</summary>
    public const ulong NeBit = 1UL << 5;

    /// <summary>Bit 16: WP: supervisor writes respect R/W=0.</summary>
    public const ulong WpBit = 1UL << 16;

    /// <summary>Bit 18: AM: RFLAGS.AC enables alignment checks at CPL 3.</summary>
    public const ulong AmBit = 1UL << 18;

    /// <summary>Bit 29: NW, not write-through.</summary>
    public const ulong NwBit = 1UL << 29;

    /// <summary>Bit 30: CD, cache disable.</summary>
    public const ulong CdBit = 1UL << 30;

    /// <summary>Bit 31: PG, paging.</summary>
    public const ulong PgBit = 1UL << 31;

    /// <summary>PE, protection enable.</summary>
    public bool Pe => (Value & PeBit) != 0;

    /// <summary>MP, monitor coprocessor.</summary>
    public bool Mp => (Value & MpBit) != 0;

    /// <summary>EM, x87 emulation.</summary>
    public bool Em => (Value & EmBit) != 0;

    /// <summary>TS, task switched.</summary>
    public bool Ts => (Value & TsBit) != 0;

    /// <summary>ET, extension type; fixed to 1.</summary>
    public bool Et => (Value & EtBit) != 0;

    /// <summary>NE, numeric error.</summary>
    public bool Ne => (Value & NeBit) != 0;

    /// <summary>WP: supervisor writes respect R/W=0.</summary>
    public bool Wp => (Value & WpBit) != 0;

    /// <summary>AM: RFLAGS.AC enables alignment checks at CPL 3.</summary>
    public bool Am => (Value & AmBit) != 0;

    /// <summary>NW, not write-through.</summary>
    public bool Nw => (Value & NwBit) != 0;

    /// <summary>CD, cache disable.</summary>
    public bool Cd => (Value & CdBit) != 0;

    /// <summary>PG, paging.</summary>
    public bool Pg => (Value & PgBit) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator Cr0(ulong value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits, followed by the names of the bits that are set.</summary>
    public override string ToString() => $"0x{Value:x}{RegisterText.Names(Value, BitNames)}";

    private static readonly (ulong Bit, string Name)[] BitNames =
    [
        (PeBit, "PE"),
        (MpBit, "MP"),
        (EmBit, "EM"),
        (TsBit, "TS"),
        (EtBit, "ET"),
        (NeBit, "NE"),
        (WpBit, "WP"),
        (AmBit, "AM"),
        (NwBit, "NW"),
        (CdBit, "CD"),
        (PgBit, "PG"),
    ];
}
