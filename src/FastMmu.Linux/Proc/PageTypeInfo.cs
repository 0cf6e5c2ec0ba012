using System.Globalization;
using System.Text;
using System.Text.Json;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Proc;

/// <summary>/proc/pagetypeinfo: free blocks by kind and order, and page blocks by kind.</summary>
/// <remarks>Source: mm/vmstat.c:pagetypeinfo_show of Linux 6.18, without CONFIG_CMA.</remarks>
public static class PageTypeInfo
{
    // The kernel stops counting a list there.
    private const long MostCounted = 100000;

    /// <summary>The text of the file.</summary>
    /// <param name="pages">The allocator.</param>
    public static string ToText(PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        CultureInfo plain = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        text.Append(plain, $"Page block order: {Zone.BlockOrder}\nPages per block:  {1 << Zone.BlockOrder}\n\n");
        text.Append(plain, $"{"Free pages count per migrate type at order ",-43} ");
        for (int order = 0; order <= Zone.MaxOrder; order++) text.Append(plain, $"{order,6} ");
        text.Append('\n');
        foreach (Zone zone in Populated(pages))
        {
            foreach (MigrateType type in Enum.GetValues<MigrateType>())
            {
                text.Append(plain, $"Node {0,4}, zone {zone.Name,8}, type {type,12} ");
                for (int order = 0; order <= Zone.MaxOrder; order++)
                {
                    long blocks = zone.FreeBlocks(order, type);
                    text.Append(plain, $"{(blocks >= MostCounted ? ">" : "")}{Math.Min(blocks, MostCounted),6} ");
                }

                text.Append('\n');
            }
        }

        text.Append(plain, $"\n{"Number of blocks type ",-23}");
        foreach (MigrateType type in Enum.GetValues<MigrateType>()) text.Append(plain, $"{type,12} ");
        text.Append('\n');
        foreach (Zone zone in Populated(pages))
        {
            text.Append(plain, $"Node 0, zone {zone.Name,8} ");
            foreach (MigrateType type in Enum.GetValues<MigrateType>()) text.Append(plain, $"{zone.PageBlocks(type),12} ");
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The same as JSON: an array of zones, in each by kind the free blocks of each order and the page blocks.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="pages">The allocator.</param>
    public static void WriteJson(Utf8JsonWriter json, PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(pages);
        json.WriteStartArray();
        foreach (Zone zone in Populated(pages))
        {
            json.WriteStartObject();
            json.WriteNumber("node", 0);
            json.WriteString("zone", zone.Name);
            json.WriteStartArray("types");
            foreach (MigrateType type in Enum.GetValues<MigrateType>())
            {
                json.WriteStartObject();
                json.WriteString("type", type.ToString());
                json.WriteStartArray("freeBlocks");
                for (int order = 0; order <= Zone.MaxOrder; order++) json.WriteNumberValue(zone.FreeBlocks(order, type));
                json.WriteEndArray();
                json.WriteNumber("pageBlocks", zone.PageBlocks(type));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static IEnumerable<Zone> Populated(PageAllocator pages) => pages.Zones.Where(z => z.Present > 0);
}
