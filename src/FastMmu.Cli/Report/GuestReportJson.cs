using System.Text.Json;
using FastMmu.Addresses;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Paging.Mapping;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Report;

/// <summary>A report for programs. Addresses are texts <c>0x…</c>: JSON numbers lose bits beyond 2^53.</summary>
internal static class GuestReportJson
{
    /// <summary>Writes a report as an object.</summary>
    public static void Write(Utf8JsonWriter json, GuestReport report)
    {
        json.WriteStartObject();
        WriteMachine(json, report);
        if (report.Gdt is GuestDescriptorTable gdt)
        {
            json.WritePropertyName("gdt");
            GdtText.WriteJson(json, gdt);
        }

        if (report.Summary is AddressSpaceSummary summary) WriteTables(json, summary);
        WriteCosts(json, "tableCosts", report.Costs);
        WriteCosts(json, "tableCostsOfSmallPages", report.CostsOfSmallPages);
        WriteRegions(json, report);
        WriteAreas(json, report);
        WriteTranslations(json, report);
        json.WriteStartObject("seconds");
        json.WriteNumber("load", Seconds(report.LoadTime));
        json.WriteNumber("walk", Seconds(report.WalkTime));
        json.WriteNumber("compare", Seconds(report.CompareTime));
        json.WriteEndObject();
        VerdictText.WriteJson(json, report.Verdict);
        json.WriteEndObject();
    }

    private static void WriteMachine(Utf8JsonWriter json, GuestReport report)
    {
        json.WriteString("name", report.Description.Name);
        if (report.Description.Kernel is string kernel) json.WriteString("kernel", kernel);
        if (report.Description.Host is string host) json.WriteString("host", host);
        json.WriteString("pagingMode", TableNames.Of(report.State.Mode));
        json.WriteNumber("linearAddressBits", report.State.LinearWidth);
        if (report.Description.PhysicalAddressBits is int bits) json.WriteNumber("physicalAddressBits", bits);
        json.WriteString("segmentation", report.Segmentation.ToString());
        json.WriteNumber("cpl", report.State.Cpl);
        if (report.Layout?.Process is { Length: > 0 } process) json.WriteString("process", process);
        if (report.Isolation is PageTableIsolation isolation)
        {
            json.WriteStartObject("pageTableIsolation");
            json.WriteString("half", isolation.IsUserHalf ? "user" : "kernel");
            json.WriteString("otherCr3", ExplanationJson.Hex(isolation.OtherCr3));
            json.WriteEndObject();
        }

        json.WriteStartObject("registers");
        json.WriteString("cr0", report.State.Cr0.ToString());
        json.WriteString("cr2", ExplanationJson.Hex(report.Description.Cr2));
        json.WriteString("cr3", report.State.Cr3.ToString());
        json.WriteString("cr4", report.State.Cr4.ToString());
        json.WriteString("efer", report.State.Efer.ToString());
        json.WriteString("rflags", FlagsText.Describe(report.State.RFlags.Value));
        json.WriteEndObject();
        json.WriteStartObject("segments");
        foreach ((string name, CachedSegment segment) in report.Description.Segments) json.WriteString(name, segment.ToString());
        json.WriteEndObject();
        json.WriteStartArray("addressSpaces");
        foreach (SpaceUse space in report.Spaces)
        {
            json.WriteStartObject();
            json.WriteString("cr3", ExplanationJson.Hex(space.Cr3));
            json.WriteString("name", space.Name);
            json.WriteNumber("tables", space.Tables);
            json.WriteNumber("mapped", space.Mapped);
            json.WriteNumber("user", space.User);
            if (space.Refusal.Length > 0) json.WriteString("refusal", space.Refusal);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteTables(Utf8JsonWriter json, AddressSpaceSummary summary)
    {
        json.WriteStartArray("levels");
        foreach (LevelSummary level in summary.Levels)
        {
            json.WriteStartObject();
            json.WriteNumber("level", level.Level);
            json.WriteString("table", TableNames.OfLevel(level.Level));
            json.WriteNumber("tables", level.Tables);
            json.WriteNumber("presentEntries", level.PresentEntries);
            json.WriteNumber("toTables", level.TableEntries);
            json.WriteNumber("pages", level.Leaves);
            json.WriteNumber("malformed", level.MalformedEntries);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("mapped");
        foreach (MappedKind kind in summary.Mapped)
        {
            json.WriteStartObject();
            json.WriteNumber("pageSize", kind.Size.Bytes());
            json.WriteString("rights", kind.Rights.ToString());
            json.WriteNumber("pages", kind.Pages);
            json.WriteNumber("bytes", kind.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCosts(Utf8JsonWriter json, string name, IReadOnlyList<TableCost> costs)
    {
        json.WriteStartArray(name);
        foreach (TableCost cost in costs)
        {
            json.WriteStartObject();
            json.WriteString("arrangement", cost.Shape.Name);
            if (cost.Tables is long tables) json.WriteNumber("tables", tables);
            if (cost.Bytes is ulong bytes) json.WriteNumber("bytes", bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRegions(Utf8JsonWriter json, GuestReport report)
    {
        json.WriteStartArray("regions");
        foreach (RegionUse use in report.Regions)
        {
            json.WriteStartObject();
            json.WriteString("name", use.Region.Name);
            json.WriteString("first", ExplanationJson.Hex(use.First));
            json.WriteString("last", ExplanationJson.Hex(use.Last));
            WritePages(json, use.Pages);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteAreas(Utf8JsonWriter json, GuestReport report)
    {
        json.WriteStartArray("areas");
        foreach (AreaUse area in report.Areas)
        {
            json.WriteStartObject();
            json.WriteString("name", area.Name);
            json.WriteNumber("areas", area.Areas);
            json.WriteNumber("size", area.Bytes);
            json.WriteString("permissions", string.Join(' ', area.Permissions));
            WritePages(json, area.Pages);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePages(Utf8JsonWriter json, PageUse pages)
    {
        json.WriteNumber("small", pages.Small);
        json.WriteNumber("large", pages.Large);
        json.WriteNumber("huge", pages.Huge);
        json.WriteNumber("bytes", pages.Bytes);
        json.WriteString("rights", string.Join(", ", pages.RightsInUse));
    }

    private static void WriteTranslations(Utf8JsonWriter json, GuestReport report)
    {
        json.WriteStartArray("translations");
        foreach (TranslationRun run in report.Translations)
        {
            json.WriteStartObject();
            json.WriteString("way", run.Way);
            json.WriteNumber("pages", run.Pages);
            json.WriteNumber("wrong", run.Wrong);
            json.WriteNumber("firstSeconds", Seconds(run.First));
            json.WriteNumber("fastestSeconds", Seconds(run.Best));
            json.WriteNumber("rounds", run.Rounds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 9);
}
