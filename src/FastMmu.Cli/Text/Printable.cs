namespace FastMmu.Cli.Text;

/// <summary>Text out of a file, made harmless: it may hold anything, and what is printed goes to a terminal.</summary>
internal static class Printable
{
    /// <summary>The text with every control character and lone surrogate replaced by <c>?</c>.</summary>
    public static string Of(string text) =>
        text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f') || text.Any(char.IsSurrogate)
            ? string.Concat(text.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))
            : text;
}
