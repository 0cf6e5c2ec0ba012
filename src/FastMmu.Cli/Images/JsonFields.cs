using System.Globalization;
using System.Text.Json;

namespace FastMmu.Cli.Images;

/// <summary>An object of a JSON file, read by field name; whatever is wrong becomes one line that names the file and the field.</summary>
/// <param name="file">The file as the user named it.</param>
/// <param name="path">The fields that lead to the object, with a dot behind each.</param>
/// <param name="element">The object.</param>
internal readonly struct JsonFields(string file, string path, JsonElement element)
{
    /// <summary>All fields, in the file's order.</summary>
    public IEnumerable<string> Names => element.EnumerateObject().Select(p => p.Name);

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) => element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A field that holds an object.</summary>
    public JsonFields Object(string name)
    {
        JsonElement value = Required(name);
        return value.ValueKind == JsonValueKind.Object ? new(file, $"{path}{name}.", value) : throw Refuse(name, "is not an object");
    }

    /// <summary>A field that holds an array of objects; empty where it is missing.</summary>
    public IEnumerable<JsonFields> Objects(string name)
    {
        if (!Has(name)) yield break;
        int index = 0;
        foreach (JsonElement item in Array(name))
        {
            string at = $"{name}[{index++}]";
            yield return item.ValueKind == JsonValueKind.Object ? new(file, $"{path}{at}.", item) : throw Refuse(at, "is not an object");
        }
    }

    /// <summary>A field that holds an array of whole numbers; empty where it is missing.</summary>
    public IReadOnlyList<int> Integers(string name)
    {
        if (!Has(name)) return [];
        var numbers = new List<int>();
        foreach (JsonElement item in Array(name))
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int number)) throw Refuse($"{name}[{numbers.Count}]", "is not a whole number");
            numbers.Add(number);
        }

        return numbers;
    }

    /// <summary>A field that holds an array of texts; empty where it is missing.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (!Has(name)) return [];
        var texts = new List<string>();
        foreach (JsonElement item in Array(name))
        {
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Refuse($"{name}[{texts.Count}]", "is not a text"));
        }

        return texts;
    }

    /// <summary>A field that holds text, or null where it is missing.</summary>
    public string? Text(string name)
    {
        if (!Has(name)) return null;
        JsonElement value = Required(name);
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Refuse(name, "is not a text");
    }

    /// <summary>A field that holds a number of at most <paramref name="bits"/> bits: a text <c>0x…</c>, or a whole JSON number.</summary>
    public ulong Number(string name, int bits = 64)
    {
        JsonElement value = Required(name);
        ulong number;
        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.TryGetUInt64(out number):
                break;
            case JsonValueKind.String when TryParseHex(value.GetString()!, out number):
                break;
            default:
                throw Refuse(name, $"is not a number of at most {bits} bits: {Shown(value)}");
        }

        return bits == 64 || number >> bits == 0 ? number : throw Refuse(name, $"needs more than {bits} bits: {Shown(value)}");
    }

    /// <summary>The number in the first of the named fields that is there, or <paramref name="otherwise"/>.</summary>
    public ulong NumberOfAny(ReadOnlySpan<string> names, ulong otherwise = 0)
    {
        foreach (string name in names)
        {
            if (Has(name)) return Number(name);
        }

        return otherwise;
    }

    /// <summary>A refusal that names the file and the field.</summary>
    public InputException Refuse(string name, string reason) => new($"{file}: '{path}{name}' {reason}");

    private static bool TryParseHex(string text, out ulong number)
    {
        number = 0;
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
    }

    private static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "...";
    }

    private JsonElement Required(string name) => element.TryGetProperty(name, out JsonElement value) ? value : throw Refuse(name, "is missing");

    private JsonElement.ArrayEnumerator Array(string name)
    {
        JsonElement value = Required(name);
        return value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Refuse(name, "is not an array");
    }
}
