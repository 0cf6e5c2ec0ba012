namespace FastMmu.Linux.Mm;

/// <summary>Whether addresses are randomised, and from which number: the same seed gives the same layout on every machine.</summary>
public readonly record struct AslrSeed
{
    private readonly ulong _value;

    private AslrSeed(ulong value) => (_value, IsOn) = (value, true);

    /// <summary>No randomisation, as ADDR_NO_RANDOMIZE or <c>randomize_va_space=0</c> leave it. The default.</summary>
    public static AslrSeed Off => default;

    /// <summary>Whether addresses are randomised.</summary>
    public bool IsOn { get; }

    /// <summary>Randomised from a number.</summary>
    /// <param name="value">Any number.</param>
    public static AslrSeed From(ulong value) => new(value);

    /// <summary>The generator that starts at this seed; null when randomisation is off.</summary>
    public AslrRandom? ToGenerator() => IsOn ? new AslrRandom(_value) : null;

    /// <inheritdoc/>
    public override string ToString() => IsOn ? $"seed {_value}" : "off";
}
