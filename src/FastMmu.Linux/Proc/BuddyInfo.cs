using System.Globalization;
using System.Text;
using System.Text.Json;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Proc;

/// <summary>/proc/buddyinfo: how many blocks of each order are free in each zone.</summary>
/// <remarks>Source: mm/vmstat.c:frag_show_print of Linux 6.18.</remarks>
public static class BuddyInfo
{
    /// <summary>The text of the file.</summary>
    /// <param name="pages">The allocator.</param>
    public static string ToText(PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        var text = new StringBuilder();
        foreach (Zone zone in pages.Zones)
        {
            if (zone.Present == 0) continue;
            text.Append(CultureInfo.InvariantCulture, $"Node 0, zone {zone.Name,8} ");
            for (int order = 0; order <= Zone.MaxOrder; order++) text.Append(CultureInfo.InvariantCulture, $"{zone.FreeBlocks(order),6} ");
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The same as JSON: an array of zones, each with its name and its counts by order.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="pages">The allocator.</param>
    public static void WriteJson(Utf8JsonWriter json, PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(pages);
        json.WriteStartArray();
        foreach (Zone zone in pages.Zones)
        {
            if (zone.Present == 0) continue;
            json.WriteStartObject();
            json.WriteNumber("node", 0);
            json.WriteString("zone", zone.Name);
            json.WriteStartArray("freeBlocks");
            for (int order = 0; order <= Zone.MaxOrder; order++) json.WriteNumberValue(zone.FreeBlocks(order));
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
