namespace FastMmu.Addresses;

/// <summary>A half-open range of physical addresses.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Number of bytes.</param>
public readonly record struct PhysicalRange(PhysicalAddress Start, ulong Length)
{
    /// <summary>The address behind the last one, as a number: it may be 2^52, which is no physical address.</summary>
    public ulong End => Start.Value + Length;

    /// <summary>Whether <paramref name="address"/> lies inside.</summary>
    /// <param name="address">The address.</param>
    /// <example><code>
    /// Console.WriteLine(new PhysicalRange(0x1000, 4 * KiB).Contains(0x1fff));    // True
    /// </code></example>
    public bool Contains(PhysicalAddress address) => unchecked(address.Value - Start.Value) < Length;

    /// <summary>The range as <c>first-end</c>, end exclusive, in hexadecimal.</summary>
    public override string ToString() => $"{Start.Value:x}-{End:x}";
}
