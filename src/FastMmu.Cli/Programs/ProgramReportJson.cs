using System.Text.Json;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Report;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Paging.Mapping;

namespace FastMmu.Cli.Programs;

/// <summary>A program's layout for other programs. Addresses are texts <c>0x...</c>.</summary>
internal static class ProgramReportJson
{
    /// <summary>Writes it.</summary>
    public static void Write(Utf8JsonWriter json, ProgramReport report)
    {
        json.WriteStartObject();
        json.WriteString("path", report.Path);
        json.WriteString("kernel", report.Release);
        json.WriteString("architecture", report.Architecture.Name);
        json.WriteString("aslr", report.Aslr.ToString());
        json.WriteString("comm", report.Comm);
        json.WriteNumber("bits", report.Bits);
        Address(json, "task_size", report.TaskSize);
        Address(json, "mmap_base", report.MmapBase);
        WriteRegisters(json, report.Registers);
        json.WriteStartObject("mm");
        foreach ((string name, ulong start, ulong end) in report.Places)
        {
            Address(json, "start_" + name, start);
            Address(json, "end_" + name, end);
        }

        json.WriteEndObject();
        WriteAreas(json, report);
        json.WriteStartArray("auxv");
        foreach (AuxiliaryEntry entry in report.AuxiliaryVector)
        {
            json.WriteStartObject();
            json.WriteNumber("type", (int)entry.Type);
            json.WriteString("name", entry.Type.ToString());
            Address(json, "value", entry.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteCounters(json, "at_start", report.Before);
        WriteCounters(json, "touched", report.After);
        WriteCosts(json, report);
        WriteTranslations(json, report);
        if (report.Kernel is { } kernel) WriteKernel(json, kernel);
        json.WriteEndObject();
    }

    private static void WriteKernel(Utf8JsonWriter json, KernelPart kernel)
    {
        json.WriteStartObject("kernel_half");
        Address(json, "image", kernel.ImageStart);
        json.WriteNumber("shared_entries", kernel.SharedEntries);
        json.WriteNumber("shared_tables", kernel.Tables);
        json.WriteStartArray("regions");
        foreach (KernelRegion region in kernel.Regions)
        {
            json.WriteStartObject();
            Address(json, "first", region.First);
            Address(json, "last", region.Last);
            json.WriteString("name", region.Kind.Name());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRegisters(Utf8JsonWriter json, in StartRegisters registers)
    {
        json.WriteStartObject("regs");
        Address(json, "rip", registers.InstructionPointer);
        Address(json, "rsp", registers.StackPointer);
        Address(json, "eflags", registers.Flags);
        Address(json, "cs", registers.CodeSelector);
        Address(json, "ss", registers.StackSelector);
        Address(json, "ds", registers.DataSelector);
        json.WriteEndObject();
    }

    private static void WriteAreas(Utf8JsonWriter json, ProgramReport report)
    {
        json.WriteStartArray("areas");
        foreach (ProgramArea area in report.Areas)
        {
            json.WriteStartObject();
            Address(json, "start", area.Start);
            Address(json, "end", area.End);
            json.WriteString("permissions", area.Permissions);
            Address(json, "offset", area.Offset);
            json.WriteString("name", area.Name);
            json.WriteString("flags", area.Flags);
            json.WriteNumber("rss_at_start", area.ResidentAtStart);
            json.WriteNumber("rss", area.Resident);
            json.WriteNumber("anonymous", area.Anonymous);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCounters(Utf8JsonWriter json, string name, MemoryStatus status)
    {
        json.WriteStartObject(name);
        foreach ((string counter, Func<MemoryStatus, long> value) in ProgramCounters.All) json.WriteNumber(counter, value(status));
        json.WriteEndObject();
    }

    private static void WriteCosts(Utf8JsonWriter json, ProgramReport report)
    {
        json.WriteStartObject("touching");
        json.WriteNumber("pages", report.Touched.Pages);
        json.WriteNumber("mapped_before", report.Touched.Mapped);
        json.WriteNumber("brought_in", report.Touched.Faulted);
        foreach ((string signal, long count) in report.Touched.Refused) json.WriteNumber(signal, count);
        json.WriteNumber("left_out", report.Touched.LeftOut);
        json.WriteStartObject("zones");
        foreach ((ZoneType zone, long pages) in report.Zones) json.WriteNumber(zone.ToString(), pages);
        json.WriteEndObject();
        json.WriteNumber("seconds", report.Touched.Elapsed.TotalSeconds);
        json.WriteEndObject();
        json.WriteNumber("tables", report.Tables);
        json.WriteStartArray("table_costs");
        foreach (TableCost cost in report.Costs)
        {
            json.WriteStartObject();
            json.WriteString("arrangement", cost.Shape.Name);
            if (cost.Tables is long tables) json.WriteNumber("tables", tables);
            else json.WriteNull("tables");
            if (cost.Bytes is ulong bytes) json.WriteNumber("bytes", bytes);
            else json.WriteNull("bytes");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteTranslations(Utf8JsonWriter json, ProgramReport report)
    {
        json.WriteStartArray("translations");
        foreach (TranslationRun run in report.Translations)
        {
            json.WriteStartObject();
            json.WriteString("way", run.Way);
            json.WriteNumber("pages", run.Pages);
            json.WriteNumber("wrong", run.Wrong);
            json.WriteNumber("rounds", run.Rounds);
            json.WriteNumber("best_seconds", run.Best.TotalSeconds);
            json.WriteNumber("per_second", run.PerSecond);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Address(Utf8JsonWriter json, string name, ulong value) => json.WriteString(name, ExplanationJson.Hex(value));
}
