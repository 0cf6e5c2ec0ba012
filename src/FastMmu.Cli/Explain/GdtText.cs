using System.Globalization;
using System.Text.Json;
using FastMmu.Cli.Images;
using FastMmu.Cli.Text;
using FastMmu.Segmentation;
using FastMmu.Segmentation.Linux;

namespace FastMmu.Cli.Explain;

/// <summary>Descriptor tables for people and programs.</summary>
internal static class GdtText
{
    /// <summary>What table this is, in a line.</summary>
    public static string Title(GuestDescriptorTable table)
    {
        string linux = table.Linux is null ? "not one of Linux's tables" : $"Linux {table.Linux.Name}";
        return $"GDT at 0x{table.Register.Base:x} (physical 0x{table.Physical:x}), {(table.Register.Limit + 1) / 8} entries, {linux}";
    }

    /// <summary>Writes the entries that are not empty.</summary>
    /// <param name="console">Where.</param>
    /// <param name="entries">The entries.</param>
    /// <param name="nameOf">The name of an entry, or empty.</param>
    public static void Write(ToolConsole console, IReadOnlyList<DescriptorTableEntry> entries, Func<int, string> nameOf)
    {
        var table = new TextTable(">index", "selector", "descriptor", "name", "meaning");
        foreach (DescriptorTableEntry entry in entries)
        {
            string selector = new Selector((ushort)((entry.Index << 3) | entry.Attributes.Dpl)).Value.ToString("x4", CultureInfo.InvariantCulture);
            string raw = entry.High is ulong high ? $"{entry.Low:x16} {high:x16}" : $"{entry.Low:x16}";
            table.Add(entry.Index.ToString(CultureInfo.InvariantCulture), selector, raw, nameOf(entry.Index), Meaning(entry, nameOf(entry.Index)));
        }

        table.Write(console);
    }

    /// <summary>Writes a guest's table.</summary>
    public static void WriteJson(Utf8JsonWriter json, GuestDescriptorTable table)
    {
        json.WriteStartObject();
        json.WriteString("base", ExplanationJson.Hex(table.Register.Base));
        json.WriteNumber("limit", table.Register.Limit);
        json.WriteString("physical", ExplanationJson.Hex(table.Physical));
        if (table.Linux is not null) json.WriteString("linux", table.Linux.Name);
        WriteEntries(json, table.Entries, table.NameOf);
        json.WriteEndObject();
    }

    /// <summary>Writes a table of Linux's source.</summary>
    public static void WriteJson(Utf8JsonWriter json, LinuxGdt linux)
    {
        byte[] bytes = new byte[linux.SizeInBytes];
        linux.Write(bytes);
        json.WriteStartObject();
        json.WriteString("linux", linux.Name);
        WriteEntries(json, DescriptorTableEntry.Decode(bytes, linux.Is64Bit), index => linux.Entries[index].Name);
        json.WriteEndObject();
    }

    private static void WriteEntries(Utf8JsonWriter json, IReadOnlyList<DescriptorTableEntry> entries, Func<int, string> nameOf)
    {
        json.WriteStartArray("entries");
        foreach (DescriptorTableEntry entry in entries)
        {
            json.WriteStartObject();
            json.WriteNumber("index", entry.Index);
            json.WriteString("name", nameOf(entry.Index));
            json.WriteString("low", ExplanationJson.Hex(entry.Low));
            if (entry.High is ulong high) json.WriteString("high", ExplanationJson.Hex(high));
            json.WriteString("text", Meaning(entry, nameOf(entry.Index)));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Meaning(DescriptorTableEntry entry, string name)
    {
        string text = entry.ToString();
        text = text[(text.IndexOf(": ", StringComparison.Ordinal) + 2)..];
        return name == "CPUNODE" && CpuNode.FromLimit(entry.Limit) is var node ? $"{text} (cpu {node.Cpu}, node {node.Node})" : text;
    }
}
