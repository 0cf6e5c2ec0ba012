using System.Globalization;

namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>A sum of numbers and names: <c>0x1000</c>, <c>4p</c> (pages), <c>2M</c>, <c>$sb+3p-1</c>.</summary>
internal sealed class ScriptExpression
{
    private readonly List<(bool Negative, ulong Number, string? Name)> _terms = [];

    private ScriptExpression()
    {
    }

    /// <summary>An expression that is a number.</summary>
    public static ScriptExpression Of(ulong number)
    {
        var expression = new ScriptExpression();
        expression._terms.Add((false, number, null));
        return expression;
    }

    /// <summary>Reads an expression.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static ScriptExpression Parse(string text)
    {
        var expression = new ScriptExpression();
        for (int at = 0; at < text.Length;)
        {
            bool negative = text[at] == '-';
            if (text[at] is '+' or '-') at++;
            int end = text.AsSpan(at).IndexOfAny('+', '-') is >= 0 and var length ? at + length : text.Length;
            expression._terms.Add(Term(negative, text[at..end], text));
            at = end;
        }

        return expression._terms.Count > 0 ? expression : throw new FormatException("an argument is empty");
    }

    /// <summary>The sum, modulo 2^64.</summary>
    /// <param name="valueOf">The number behind a name, without the dollar sign.</param>
    public ulong Evaluate(Func<string, ulong> valueOf)
    {
        ulong sum = 0;
        foreach ((bool negative, ulong number, string? name) in _terms)
        {
            ulong value = name is null ? number : valueOf(name);
            sum = negative ? sum - value : sum + value;
        }

        return sum;
    }

    private static (bool Negative, ulong Number, string? Name) Term(bool negative, string term, string whole)
    {
        if (term is ['$', _, ..]) return (negative, 0, term[1..]);
        int shift = term.Length == 0 ? 0 : term[^1] switch { 'p' => 12, 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? term : term.AsSpan(0, term.Length - 1);
        bool read = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, null, out ulong number)
            : ulong.TryParse(digits, NumberStyles.None, null, out number);
        return read ? (negative, number << shift, null) : throw new FormatException($"'{whole}' is no number: decimal, 0x..., with p for pages, K, M or G, and names such as $sb, added and subtracted");
    }
}
