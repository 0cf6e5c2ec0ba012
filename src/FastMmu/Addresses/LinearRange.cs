namespace FastMmu.Addresses;

/// <summary>A half-open range of linear addresses. A range may end at 2^64, so it is kept as start and length.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Number of bytes.</param>
public readonly record struct LinearRange(LinearAddress Start, ulong Length)
{
    /// <summary>The last address inside; meaningless when <see cref="Length"/> is 0.</summary>
    public LinearAddress Last => new(unchecked(Start.Value + Length - 1));

    /// <summary>Whether <paramref name="address"/> lies inside.</summary>
    /// <param name="address">The address.</param>
    /// <example><code>
    /// Console.WriteLine(new LinearRange(0x1000, 4 * KiB).Contains(0x2000));      // False
    /// </code></example>
    public bool Contains(LinearAddress address) => unchecked(address.Value - Start.Value) < Length;

    /// <summary>The range as <c>first-last</c>, both inclusive, in hexadecimal.</summary>
    public override string ToString() => $"{Start.Value:x16}-{Last.Value:x16}";
}
