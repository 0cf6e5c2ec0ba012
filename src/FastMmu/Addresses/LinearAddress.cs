namespace FastMmu.Addresses;

/// <summary>
/// A linear address: what segmentation produces and paging consumes. Any 64-bit value is a linear address; whether it is
/// canonical depends on the paging mode and is the translation's question, not the type's.
/// </summary>
/// <param name="Value">The address in bytes.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Linear Address Space" (3.3.7 for canonical addresses).</remarks>
public readonly record struct LinearAddress(ulong Value) : IComparable<LinearAddress>
{
    /// <summary>Reads a number of bytes as a linear address.</summary>
    /// <param name="value">The address in bytes.</param>
    public static implicit operator LinearAddress(ulong value) => new(value);

    /// <summary>The address <paramref name="bytes"/> further on, wrapping at 2^64.</summary>
    /// <param name="address">Start.</param>
    /// <param name="bytes">Distance in bytes.</param>
    public static LinearAddress operator +(LinearAddress address, ulong bytes) => new(unchecked(address.Value + bytes));

    /// <summary>The address <paramref name="bytes"/> before, wrapping at 0.</summary>
    /// <param name="address">Start.</param>
    /// <param name="bytes">Distance in bytes.</param>
    public static LinearAddress operator -(LinearAddress address, ulong bytes) => new(unchecked(address.Value - bytes));

    /// <summary>The distance in bytes from <paramref name="right"/> up to <paramref name="left"/>, modulo 2^64.</summary>
    /// <param name="left">The higher address.</param>
    /// <param name="right">The lower address.</param>
    public static ulong operator -(LinearAddress left, LinearAddress right) => unchecked(left.Value - right.Value);

    /// <summary>Whether <paramref name="left"/> lies below <paramref name="right"/> (unsigned).</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator <(LinearAddress left, LinearAddress right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> lies above <paramref name="right"/> (unsigned).</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator >(LinearAddress left, LinearAddress right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> does not lie above <paramref name="right"/> (unsigned).</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator <=(LinearAddress left, LinearAddress right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> does not lie below <paramref name="right"/> (unsigned).</summary>
    /// <param name="left">First address.</param>
    /// <param name="right">Second address.</param>
    public static bool operator >=(LinearAddress left, LinearAddress right) => left.Value >= right.Value;

    /// <summary>The offset within the page of <paramref name="size"/> that holds this address.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(new LinearAddress(0x40_1234).OffsetIn(PageSize.Size2M).ToString("x"));      // 1234
    /// </code></example>
    public ulong OffsetIn(PageSize size) => Value & (size.Bytes() - 1);

    /// <summary>The first address of the page of <paramref name="size"/> that holds this address.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(new LinearAddress(0x40_1234).AlignDown(PageSize.Size4K));     // 0x401000
    /// </code></example>
    public LinearAddress AlignDown(PageSize size) => new(Value & ~(size.Bytes() - 1));

    /// <summary>Whether bits 63 down to <paramref name="width"/> equal bit <paramref name="width"/> − 1.</summary>
    /// <param name="width">Width of a linear address in bits: 48 with four-level, 57 with five-level paging; 1 to 64.</param>
    /// <example><code>
    /// Console.WriteLine(new LinearAddress(0x0000_8000_0000_0000).IsCanonical(48));     // False
    /// Console.WriteLine(new LinearAddress(0x0000_8000_0000_0000).IsCanonical(57));     // True
    /// </code></example>
    public bool IsCanonical(int width)
    {
        int unused = 64 - width;
        return (ulong)((long)(Value << unused) >> unused) == Value;
    }

    /// <summary>
    /// The address without its metadata (linear-address masking): bit 63 stays, and the bits between it and <paramref name="width"/> repeat the
    /// highest bit below.
    /// </summary>
    /// <param name="width">How many low bits are address: 48 or 57.</param>
    internal LinearAddress WithoutMetadata(int width)
    {
        const ulong sign = 1UL << 63;
        int unused = 64 - width;
        ulong extended = (ulong)((long)(Value << unused) >> unused);
        return (extended & ~sign) | (Value & sign);
    }

    /// <inheritdoc/>
    public int CompareTo(LinearAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address as <c>0x</c> and hexadecimal digits.</summary>
    public override string ToString() => $"0x{Value:x}";
}
