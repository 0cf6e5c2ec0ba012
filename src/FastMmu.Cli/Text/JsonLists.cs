using System.Text.Json;

namespace FastMmu.Cli.Text;

/// <summary>Lists in JSON.</summary>
internal static class JsonLists
{
    /// <summary>Writes a property that is an array of strings.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="name">The property.</param>
    /// <param name="strings">Its elements.</param>
    public static void WriteStrings(this Utf8JsonWriter json, string name, IEnumerable<string> strings)
    {
        json.WriteStartArray(name);
        foreach (string one in strings) json.WriteStringValue(one);
        json.WriteEndArray();
    }
}
