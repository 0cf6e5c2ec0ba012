namespace FastMmu.Processor;

/// <summary>IA32_EFER, the extended feature enables.</summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///  15    14      13      12     11    10         8          0
/// +-----+-------+-------+------+-----+-----+---+-----+- - -+-----+
/// | TCE | FFXSR | LMSLE | SVME | NXE | LMA |   | LME |     | SCE |
/// +-----+-------+-------+------+-----+-----+---+-----+- - -+-----+
/// </code>
/// Source: Intel SDM vol. 3A, "Extended Feature Enable Register" (2.2.1); AMD APM vol. 2, 3.1.7.
/// </remarks>
public readonly record struct Efer(ulong Value)
{
    /// <summary>Bit 0: SCE, SYSCALL enable.</summary>
    public const ulong SceBit = 1UL << 0;

    /// <summary>Bit 8: LME: long mode will be active once paging is on.</summary>
    public const ulong LmeBit = 1UL << 8;

    /// <summary>Bit 10: LMA: long mode is active; read-only to WRMSR.</summary>
    public const ulong LmaBit = 1UL << 10;

    /// <summary>Bit 11: NXE: bit 63 of an entry is XD instead of reserved.</summary>
    public const ulong NxeBit = 1UL << 11;

    /// <summary>Bit 12: SVME (AMD).</summary>
    public const ulong SvmeBit = 1UL << 12;

    /// <summary>Bit 13: LMSLE (AMD).</summary>
    public const ulong LmsleBit = 1UL << 13;

    /// <summary>Bit 14: FFXSR (AMD).</summary>
    public const ulong FfxsrBit = 1UL << 14;

    /// <summary>Bit 15: TCE, translation cache extension (AMD).</summary>
    public const ulong TceBit = 1UL << 15;

    /// <summary>SCE, SYSCALL enable.</summary>
    public bool Sce => (Value & SceBit) != 0;

    /// <summary>LME: long mode will be active once paging is on.</summary>
    public bool Lme => (Value & LmeBit) != 0;

    /// <summary>LMA: long mode is active; read-only to WRMSR.</summary>
    public bool Lma => (Value & LmaBit) != 0;

    /// <summary>NXE: bit 63 of an entry is XD instead of reserved.</summary>
    public bool Nxe => (Value & NxeBit) != 0;

    /// <summary>SVME (AMD).</summary>
    public bool Svme => (Value & SvmeBit) != 0;

    /// <summary>LMSLE (AMD).</summary>
    public bool Lmsle => (Value & LmsleBit) != 0;

    /// <summary>FFXSR (AMD).</summary>
    public bool Ffxsr => (Value & FfxsrBit) != 0;

    /// <summary>TCE, translation cache extension (AMD).</summary>
    public bool Tce => (Value & TceBit) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator Efer(ulong value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits, followed by the names of the bits that are set.</summary>
    public override string ToString() => $"0x{Value:x}{RegisterText.Names(Value, BitNames)}";

    private static readonly (ulong Bit, string Name)[] BitNames =
    [
        (SceBit, "SCE"),
        (LmeBit, "LME"),
        (LmaBit, "LMA"),
        (NxeBit, "NXE"),
        (SvmeBit, "SVME"),
        (LmsleBit, "LMSLE"),
        (FfxsrBit, "FFXSR"),
        (TceBit, "TCE"),
    ];
}
