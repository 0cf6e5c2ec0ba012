namespace FastMmu.Addresses;

/// <summary>
/// A guest-physical address: what paging produces and memory consumes. Never wider than 52 bits, the architectural maximum
/// of MAXPHYADDR; a particular processor may implement fewer.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Physical-Address Extension" and CPUID leaf 80000008H.</remarks>
public readonly record struct PhysicalAddress : IComparable<PhysicalAddress>
{
    /// <summary>The widest physical address any x86 processor may have, in bits.</summary>
    public const int MaxWidth = 52;

    /// <summary>The highest physical address of the architecture, 2^52 − 1.</summary>
    public const ulong MaxValue = (1UL << MaxWidth) - 1;

    /// <summary>The address in bytes, at most <see cref="MaxValue"/>.</summary>
    public ulong Value { get; }

    /// <summary>Makes an address from a number of bytes.</summary>
    /// <param name="value">The address in bytes, at most <see cref="MaxValue"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> needs more than 52 bits.</exception>
    public PhysicalAddress(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        Value = value;
    }

    private PhysicalAddress(ulong value, bool _) => Value = value;

    /// <summary>Makes an address if <paramref name="value"/> fits 52 bits.</summary>
    /// <param name="value">The address in bytes.</param>
    /// <param name="address">The address, or zero.</param>
    /// <returns>Whether it fits.</returns>
    /// <example><code>
    /// Console.WriteLine(PhysicalAddress.TryCreate(1UL &lt;&lt; 52, out PhysicalAddress address));      // False
    /// </code></example>
    public static bool TryCreate(ulong value, out PhysicalAddress address)
    {
        address = Truncate(value <= MaxValue ? value : 0);
        return value <= MaxValue;
    }

    /// <summary>Makes an address of the low 52 bits of <paramref name="value"/>.</summary>
    /// <param name="value">Any number; bits 63 to 52 are dropped.</param>
    /// <example><code>
    /// Console.WriteLine(PhysicalAddress.Truncate(0x8000_0000_0020_0067));     // 0x200067
    /// </code></example>
    public static PhysicalAddress Truncate(ulong value) => new(value & MaxValue, true);

    /// <summary>Makes an address of a value that is known to fit.</summary>
    /// <param name="value">The address in bytes, at most <see cref="MaxValue"/>; not checked.</param>
    internal static PhysicalAddress Within(ulong value) => new(value, true);

    /// <summary>Reads a number of bytes as a physical address.</summary>
    /// <param name="value">The address in bytes, at most <see cref="MaxValue"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> needs more than 52 bits.</exception>
    public static implicit operator PhysicalAddress(ulong value) => new(value);

    /// <summary>The address <paramref name="bytes"/> further on.</summary>
    /// <param name="address">Start.</param>
    /// <param name="bytes">Distance in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The sum needs more than 52 bits.</exception>
    public static PhysicalAddress operator +(PhysicalAddress address, ulong bytes)
    {
        // Two steps, so that a distance near 2^64 cannot wrap into a legal address.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, MaxValue);
        return new(address.Value + bytes);
    }

    /// <summary>The distance in bytes from <paramref name="right"/> up to <paramref name="left"/>, modulo 2^64.</summary>
    /// <param name="left">The higher address.</param>
    /// <param name="right">The lower address.</param>
    public static ulong operator -(PhysicalAddress left, PhysicalAddress right) => unchecked(left.Value - right.Value);

    /// <summary>Whether <paramref name="left"/> lies below <paramref name="right"/>.</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator <(PhysicalAddress left, PhysicalAddress right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> lies above <paramref name="right"/>.</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator >(PhysicalAddress left, PhysicalAddress right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> does not lie above <paramref name="right"/>.</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator <=(PhysicalAddress left, PhysicalAddress right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> does not lie below <paramref name="right"/>.</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator >=(PhysicalAddress left, PhysicalAddress right) => left.Value >= right.Value;

    /// <summary>The first address of the page of <paramref name="size"/> that holds this address.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(new PhysicalAddress(0x20_1234).AlignDown(PageSize.Size2M));      // 0x200000
    /// </code></example>
    public PhysicalAddress AlignDown(PageSize size) => Truncate(Value & ~(size.Bytes() - 1));

    /// <inheritdoc/>
    public int CompareTo(PhysicalAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address as <c>0x</c> and hexadecimal digits.</summary>
    public override string ToString() => $"0x{Value:x}";
}
