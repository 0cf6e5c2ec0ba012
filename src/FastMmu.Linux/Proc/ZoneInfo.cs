using System.Globalization;
using System.Text;
using System.Text.Json;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Proc;

/// <summary>/proc/zoneinfo: each zone's marks, reserves, counts and the lists of the processors.</summary>
/// <remarks>
/// Counts of what is not modelled (writeback, reclaim, slabs, NUMA) are zero; all pages of users count as inactive, since nothing ages here.
/// Source: mm/vmstat.c:zoneinfo_show_print of Linux 6.18.
/// </remarks>
public static class ZoneInfo
{
    private static readonly string[] s_numaNames = ["numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local", "numa_other"];

    /// <summary>The text of the file.</summary>
    /// <param name="pages">The allocator.</param>
    public static string ToText(PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        var text = new StringBuilder();
        PageUse use = PageUse.Of(pages);
        bool first = true;
        foreach (Zone zone in pages.Zones)
        {
            text.Append(CultureInfo.InvariantCulture, $"Node 0, zone {zone.Name,8}");
            if (zone.Present > 0 && first)
            {
                text.Append("\n  per-node stats");
                foreach ((string name, long value) in use.NodeItems) Item(name, value);
                first = false;
            }

            Marks(zone);
            if (zone.Present > 0)
            {
                foreach ((string name, long value) in use.ZoneItems(zone)) Item(name, value);
                if (pages.Options.Architecture.Is64Bit())
                {
                    foreach (string name in s_numaNames) Item(name, 0);
                }

                text.Append("\n  pagesets");
                for (int cpu = 0; cpu < pages.Options.Processors; cpu++) PageSet(cpu, pages.PerCpu(cpu, zone), Threshold(zone, pages.Options.Processors));
                text.Append(CultureInfo.InvariantCulture, $"\n  node_unreclaimable:  0\n  start_pfn:           {zone.Start}");
            }

            text.Append('\n');
        }

        // Memory of devices: a zone of its own, without pages.
        if (pages.Options.Architecture.Is64Bit())
        {
            text.Append("Node 0, zone   Device\n  pages free     0\n        boost    0\n        min      0\n        low      0\n        high     0\n        promo    0");
            text.Append("\n        spanned  0\n        present  0\n        managed  0\n        cma      0\n        protection: (0, 0, 0, 0, 0)\n");
        }

        return text.ToString();

        void Item(string name, long value) => text.Append(CultureInfo.InvariantCulture, $"\n      {name,-12} {value}");

        void Marks(Zone zone)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  pages free     {zone.FreePages}\n        boost    0");
            text.Append(CultureInfo.InvariantCulture, $"\n        min      {zone.WatermarkOf(Watermark.Min)}\n        low      {zone.WatermarkOf(Watermark.Low)}");
            text.Append(CultureInfo.InvariantCulture, $"\n        high     {zone.WatermarkOf(Watermark.High)}\n        promo    {zone.WatermarkOf(Watermark.Promo)}");
            text.Append(CultureInfo.InvariantCulture, $"\n        spanned  {zone.Spanned}\n        present  {zone.Present}\n        managed  {zone.Managed}\n        cma      0");
            text.Append(CultureInfo.InvariantCulture, $"\n        protection: ({string.Join(", ", zone.LowmemReserve)})");
        }

        void PageSet(int cpu, PerCpuPages set, int threshold)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    cpu: {cpu}\n              count:    {set.Count}\n              high:     {set.High}");
            text.Append(CultureInfo.InvariantCulture, $"\n              batch:    {set.Batch}\n              high_min: {set.HighMin}\n              high_max: {set.HighMax}");
            text.Append(CultureInfo.InvariantCulture, $"\n  vm stats threshold: {threshold}");
        }
    }

    /// <summary>The same as JSON: the node's counts, and an array of zones.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="pages">The allocator.</param>
    public static void WriteJson(Utf8JsonWriter json, PageAllocator pages)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(pages);
        PageUse use = PageUse.Of(pages);
        json.WriteStartObject();
        json.WriteStartObject("node");
        foreach ((string name, long value) in use.NodeItems) json.WriteNumber(name, value);
        json.WriteEndObject();
        json.WriteStartArray("zones");
        foreach (Zone zone in pages.Zones)
        {
            json.WriteStartObject();
            json.WriteString("zone", zone.Name);
            json.WriteNumber("free", zone.FreePages);
            foreach (Watermark mark in Enum.GetValues<Watermark>()) json.WriteNumber(mark.ToString().ToLowerInvariant(), zone.WatermarkOf(mark));
            json.WriteNumber("spanned", zone.Spanned);
            json.WriteNumber("present", zone.Present);
            json.WriteNumber("managed", zone.Managed);
            json.WriteNumber("startFrame", zone.Start);
            json.WriteStartArray("protection");
            foreach (ulong reserve in zone.LowmemReserve) json.WriteNumberValue(reserve);
            json.WriteEndArray();
            json.WriteStartObject("counts");
            foreach ((string name, long value) in use.ZoneItems(zone)) json.WriteNumber(name, value);
            json.WriteEndObject();
            json.WriteStartArray("pagesets");
            for (int cpu = 0; cpu < pages.Options.Processors; cpu++)
            {
                PerCpuPages set = pages.PerCpu(cpu, zone);
                json.WriteStartObject();
                json.WriteNumber("cpu", cpu);
                json.WriteNumber("count", set.Count);
                json.WriteNumber("high", set.High);
                json.WriteNumber("batch", set.Batch);
                json.WriteNumber("highMin", set.HighMin);
                json.WriteNumber("highMax", set.HighMax);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    // How far a processor's own count may run away from the zone's: twice the bits of the processors' number, times one more than
    // those of the memory in units of 128 MiB.
    private static int Threshold(Zone zone, int processors) =>
        Math.Min(125, 2 * Bits((ulong)processors) * (1 + Bits(zone.Managed >> 15)));

    private static int Bits(ulong value) => 64 - System.Numerics.BitOperations.LeadingZeroCount(value);
}
