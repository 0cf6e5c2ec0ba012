using System.Text.Json;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Tlb;
using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>A replay's report for programs.</summary>
internal static class ReplayJson
{
    public static void Write(ToolConsole console, ReplayReport report) => console.WriteJson(json =>
    {
        json.WriteStartObject();
        json.WriteString("trace", report.Path);
        json.WriteString("tlb", report.Options.Tlb.ToString());
        json.WriteString("pageSize", report.Options.PageSize.Name());
        json.WriteStartObject("accesses");
        json.WriteNumber("total", report.Accesses);
        json.WriteNumber("fetch", report[TraceAccessKind.Fetch]);
        json.WriteNumber("load", report[TraceAccessKind.Load]);
        json.WriteNumber("store", report[TraceAccessKind.Store]);
        json.WriteNumber("modify", report[TraceAccessKind.Modify]);
        json.WriteEndObject();
        json.WriteNumber("translations", report.Translations);
        json.WriteNumber("refused", report.Refused);
        json.WriteStartObject("workingSet");
        json.WriteNumber("pages", report.Pages);
        json.WriteNumber("bytes", report.Pages * (long)report.Options.PageSize.Bytes());
        json.WriteNumber("executed", report.PagesOf(Access.Execute));
        json.WriteNumber("read", report.PagesOf(Access.Read));
        json.WriteNumber("written", report.PagesOf(Access.Write));
        json.WriteNumber("tableBytes", report.TableBytes);
        json.WriteEndObject();
        json.WriteStartArray("levels");
        foreach (ReplayLevel level in report.Levels())
        {
            json.WriteStartObject();
            json.WriteNumber("level", level.Level);
            json.WriteString("kind", level.Kind == TlbAccess.Instruction ? "fetch" : "data");
            json.WriteString("pageSize", level.Pages.Name());
            json.WriteNumber("hits", level.Hits);
            json.WriteNumber("misses", level.Misses);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("walks", report.Counted.Walks);
        json.WriteNumber("entriesRead", report.Counted.EntriesRead);
        json.WriteNumber("walksBelowRoot", report.Counted.PagingStructureHits);
        json.WriteStartObject("nanoseconds");
        json.WriteNumber("counting", Math.Round(report.CountedNanoseconds, 3));
        json.WriteNumber("oneAtATime", Math.Round(report.ScalarNanoseconds, 3));
        json.WriteNumber("inBatches", Math.Round(report.BatchNanoseconds, 3));
        json.WriteEndObject();
        json.WriteNumber("seconds", Math.Round(report.Elapsed.TotalSeconds, 6));
        json.WriteNumber("accessesPerSecond", Math.Round(report.AccessesPerSecond));
        json.WriteEndObject();
    });
}
