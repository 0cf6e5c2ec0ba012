using System.Text.Json;
using FastMmu.Client.Processes;
using FastMmu.Client.Processors;

namespace FastMmu.Client;

/// <summary>What a run did, for those who check it.</summary>
internal static class Report
{
    /// <summary>What a shell says of a signal.</summary>
    public static string SignalText(int signal) => signal switch
    {
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        11 => "Segmentation fault",
        13 => "Broken pipe",
        15 => "Terminated",
        _ => $"Signal {signal}",
    };

    /// <summary>Writes it as JSON.</summary>
    public static void Write(string path, GuestKernel kernel)
    {
        CpuCounters counters = kernel.Counters;
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("systemCalls", kernel.Calls);
        json.WriteNumber("memoryCalls", kernel.MemoryCalls);
        json.WriteNumber("misses", counters.Misses);
        json.WriteNumber("refusals", counters.Refusals);
        json.WriteNumber("signals", counters.Signals);
        json.WriteNumber("pagesMapped", counters.PagesMapped);
        json.WriteNumber("pagesInvalidated", counters.PagesInvalidated);
        json.WriteNumber("pagesEvicted", counters.PagesEvicted);
        json.WriteNumber("invalidations", counters.Invalidations);
        json.WriteNumber("copies", counters.Copies);
        json.WriteNumber("audits", counters.Audits);
        json.WriteNumber("pagesAudited", counters.PagesAudited);
        json.WriteNumber("committedPages", kernel.Machine.CommittedPages);
        json.WriteStartObject("refused");
        foreach ((int number, int count) in kernel.Refused)
        {
            json.WriteNumber(number.ToString(System.Globalization.CultureInfo.InvariantCulture), count);
        }

        json.WriteEndObject();
        json.WriteStartArray("processes");
        foreach (Process process in kernel.Processes)
        {
            json.WriteStartObject();
            json.WriteString("lineage", process.Lineage);
            json.WriteString("executable", process.Executable);
            json.WriteNumber("status", process.Status ?? -1);
            json.WriteNumber("rss", process.MemoryAtExit.Rss);
            json.WriteNumber("tableBytes", process.MemoryAtExit.TableBytes);
            json.WriteString("maps", process.MapsAtExit);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
