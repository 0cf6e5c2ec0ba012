namespace FastMmu.Processor;

/// <summary>
/// PKRU, or IA32_PKRS, which has the same layout: two bits a protection key, AD (access disable) and WD (write disable).
/// </summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///  31 30  29 28        5  4   3  2   1  0
/// +--+--++--+--+- - -+--+--++--+--++--+--+
/// |WD|AD||WD|AD|     |WD|AD||WD|AD||WD|AD|
/// +--+--++--+--+- - -+--+--++--+--++--+--+
///  key 15 key 14      key 2  key 1  key 0
/// </code>
/// Source: Intel SDM vol. 3A, "Protection Keys" (4.6.2).
/// </remarks>
public readonly record struct ProtectionKeyRights(uint Value)
{
    /// <summary>Whether data accesses with <paramref name="key"/> are disabled.</summary>
    /// <param name="key">Protection key, 0 to 15.</param>
    /// <example><code>
    /// Console.WriteLine(new ProtectionKeyRights(0b0100).AccessDisabled(1));      // True
    /// </code></example>
    public bool AccessDisabled(int key) => ((Value >> (2 * (key & 15))) & 1) != 0;

    /// <summary>Whether writes with <paramref name="key"/> are disabled.</summary>
    /// <param name="key">Protection key, 0 to 15.</param>
    /// <example><code>
    /// Console.WriteLine(new ProtectionKeyRights(0b0100).WriteDisabled(1));       // False
    /// </code></example>
    public bool WriteDisabled(int key) => ((Value >> (2 * (key & 15))) & 2) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator ProtectionKeyRights(uint value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits.</summary>
    public override string ToString() => $"0x{Value:x}";
}
