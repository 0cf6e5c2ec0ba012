using System.Globalization;

namespace FastMmu.Cli.Layout;

/// <summary>Numbers and sizes on the command line.</summary>
internal static class SizeOperand
{
    private const string Suffixes = "KMGTP";

    /// <summary>A size in bytes: decimal or 0x…, with K, M, G, T or P behind it for binary multiples.</summary>
    /// <exception cref="InputException">It is none, or does not fit 64 bits.</exception>
    public static ulong Parse(string option, string text)
    {
        int suffix = text.Length > 0 ? Suffixes.IndexOf(char.ToUpperInvariant(text[^1])) : -1;
        ulong number = ParseNumber(option, suffix < 0 ? text : text[..^1], text);
        int shift = 10 * (suffix + 1);
        return number << shift >> shift == number ? number << shift : throw new InputException($"{option} {text}: too large.");
    }

    /// <summary>A number: decimal or 0x….</summary>
    /// <exception cref="InputException">It is none.</exception>
    public static ulong ParseNumber(string option, string text, string? whole = null)
    {
        bool hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool parsed = hex
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return parsed ? number : throw new InputException($"{option} {whole ?? text}: not a number.");
    }
}
