using System.Text.Json;
using FastMmu.Cli.Text;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;

namespace FastMmu.Cli.Layout;

/// <summary>A layout as one JSON object.</summary>
internal static class LayoutJson
{
    public static void Write(Utf8JsonWriter json, LayoutReport report)
    {
        KernelLayout layout = report.Layout;
        json.WriteStartObject();
        json.WriteString("architecture", report.Name);
        json.WriteNumber("levels", report.Levels);
        json.WriteNumber("ramBytes", report.RamBytes);
        json.WriteBoolean("randomised", layout.Options.Seed.IsOn);
        json.WriteStartArray("regions");
        foreach (KernelRegion region in layout.Regions)
        {
            json.WriteStartObject();
            json.WriteString("first", Address(report, region.First));
            json.WriteString("last", Address(report, region.Last));
            json.WriteNumber("bytes", region.Bytes);
            json.WriteString("name", region.Kind.Name(report.Width == 64));
            json.WriteString("formula", region.Formula);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("user");
        foreach (UserPlace place in report.Places)
        {
            json.WriteStartObject();
            json.WriteString("address", Address(report, place.Address));
            json.WriteString("name", place.Name);
            json.WriteString("formula", place.Formula);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("kernel");
        json.WriteString("text", Address(report, layout.ImageStart));
        json.WriteString("textPhysical", $"0x{layout.ImagePhysical:x}");
        json.WriteNumber("bytes", layout.Image.Bytes);
        json.WriteString("directMap", Address(report, layout.DirectMap));
        json.WriteNumber("directMappedBytes", layout.DirectMapped);
        json.WriteEndObject();
        json.WriteStartArray("zones");
        foreach (ZoneExtent zone in report.Zones)
        {
            json.WriteStartObject();
            json.WriteString("name", zone.Name);
            json.WriteNumber("startFrame", zone.Start);
            json.WriteNumber("endFrame", zone.End);
            json.WriteNumber("present", zone.Present);
            json.WriteNumber("managed", zone.Managed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Address(LayoutReport report, ulong address) => "0x" + Quantity.Address(address, report.Width);
}
