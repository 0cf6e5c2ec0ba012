namespace FastMmu.Processor;

/// <summary>RFLAGS, as far as address translation looks at it.</summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///  18   17       13 12
/// +----+----+---+-----+- - -
/// | AC | VM |   |IOPL |
/// +----+----+---+-----+- - -
/// </code>
/// Source: Intel SDM vol. 1, "EFLAGS Register" (3.4.3).
/// </remarks>
public readonly record struct RFlags(ulong Value)
{
    /// <summary>Bit 17: VM: virtual-8086 mode.</summary>
    public const ulong VmBit = 1UL << 17;

    /// <summary>Bit 18: AC: alignment checks at CPL 3; below it, the exemption from SMAP.</summary>
    public const ulong AcBit = 1UL << 18;

    /// <summary>VM: virtual-8086 mode.</summary>
    public bool Vm => (Value & VmBit) != 0;

    /// <summary>AC: alignment checks at CPL 3; below it, the exemption from SMAP.</summary>
    public bool Ac => (Value & AcBit) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator RFlags(ulong value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits, followed by the names of the bits that are set.</summary>
    public override string ToString() => $"0x{Value:x}{RegisterText.Names(Value, BitNames)}";

    private static readonly (ulong Bit, string Name)[] BitNames =
    [
        (VmBit, "VM"),
        (AcBit, "AC"),
    ];
}
