using FastMmu.Addresses;
using FastMmu.Cli.Text;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>
/// An address as people write it: <c>ffff8880_0000_0000</c>, <c>0xffffffff`97a00000</c>, through a segment register as <c>gs:28</c>, or
/// through a selector as <c>2b:8049000</c>. Always hexadecimal.
/// </summary>
/// <param name="Register">The segment register named, or null.</param>
/// <param name="Selector">The selector named, or null.</param>
/// <param name="Offset">The linear address, or the offset into the segment.</param>
internal readonly record struct AddressOperand(SegmentRegister? Register, Selector? Selector, ulong Offset)
{
    /// <summary>Whether this is a linear address, with no segment in front.</summary>
    public bool IsLinear => Register is null && Selector is null;

    /// <summary>Reads an address.</summary>
    /// <exception cref="InputException">It is none.</exception>
    public static AddressOperand Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        ulong offset = ParseNumber(text.AsSpan(colon + 1), 64, text);
        if (colon < 0) return new(null, null, offset);
        string segment = text[..colon];
        if (segment.Length == 2 && Enum.TryParse(segment, ignoreCase: true, out SegmentRegister register) && Enum.IsDefined(register) && char.IsLetter(segment[0])
            && char.IsLetter(segment[1]))
        {
            return new(register, null, offset);
        }

        return new(null, new Selector((ushort)ParseNumber(segment, 16, text)), offset);
    }

    /// <summary>Reads a linear address, or a number for a register.</summary>
    /// <exception cref="InputException">It is none.</exception>
    public static ulong ParseLinear(string text) => ParseNumber(text, 64, text);

    private static ulong ParseNumber(ReadOnlySpan<char> text, int bits, string whole)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) text = text[2..];
        ulong value = 0;
        int count = 0;
        foreach (char c in text)
        {
            if (c is '_' or '`') continue;
            if (!char.IsAsciiHexDigit(c)) throw Refuse(whole, "is no address: addresses are hexadecimal, as 7fff_1234_5000, gs:28 or 2b:8049000");
            if (value >> 60 != 0) throw Refuse(whole, "has more than 64 bits");
            value = (value << 4) | (uint)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            count++;
        }

        if (count == 0) throw Refuse(whole, "is no address: there are no digits in it");
        return bits == 64 || value >> bits == 0 ? value : throw Refuse(whole, $"has a selector of more than {bits} bits");
    }

    private static InputException Refuse(string text, string reason) => new($"'{Printable.Of(text.Length <= 60 ? text : text[..60] + "...")}' {reason}");
}
