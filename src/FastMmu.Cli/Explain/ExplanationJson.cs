using System.Text.Json;
using FastMmu.Addresses;
using FastMmu.Paging.Mapping;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>An explanation for programs. Addresses and raw entries are texts <c>0x…</c>: JSON numbers lose bits beyond 2^53.</summary>
internal static class ExplanationJson
{
    /// <summary>Writes an explanation as an object.</summary>
    public static void Write(Utf8JsonWriter json, Explanation explanation)
    {
        json.WriteStartObject();
        json.WriteString("address", explanation.Asked);
        json.WriteString("pagingMode", TableNames.Of(explanation.State.Mode));
        json.WriteString("cr3", Hex(explanation.State.Cr3.Value));
        json.WriteNumber("cpl", explanation.State.Cpl);
        if (explanation.Logical is LogicalPart logical) WriteLogical(json, logical);
        if (explanation.Linear is ulong linear)
        {
            json.WriteString("linear", Hex(linear));
            json.WriteString("place", explanation.Place);
            WriteArea(json, explanation);
            WriteEntries(json, explanation);
            WriteTranslation(json, "walk", explanation.Walk);
            if (explanation.Walk.Ok)
            {
                json.WriteString("behind", explanation.Behind);
                if (explanation.Zone.Length > 0)
                {
                    json.WriteString("frame", Hex(explanation.Walk.Physical.Value >> 12));
                    json.WriteString("zone", explanation.Zone);
                    if (explanation.FrameUse.Length > 0) json.WriteString("frameUse", explanation.FrameUse);
                }

                if (explanation.MemoryType.Length > 0) json.WriteString("memoryType", explanation.MemoryType);
            }

            if (explanation.Elsewhere.Length > 0) json.WriteString("elsewhere", explanation.Elsewhere);
            WriteCosts(json, explanation);
            WriteOutcomes(json, explanation);
            WriteProgram(json, explanation);
        }

        json.WriteEndObject();
    }

    /// <summary>Writes a translation, or its fault, as a field.</summary>
    public static void WriteTranslation(Utf8JsonWriter json, string name, Translation translation)
    {
        json.WriteStartObject(name);
        WriteTranslationFields(json, translation);
        json.WriteEndObject();
    }

    /// <summary>Writes a translation, or its fault, as fields of the object that is open.</summary>
    public static void WriteTranslationFields(Utf8JsonWriter json, Translation translation)
    {
        json.WriteBoolean("ok", translation.Ok);
        if (translation.Ok)
        {
            json.WriteString("physical", Hex(translation.Physical.Value));
            if (translation.PageSize != PageSize.None)
            {
                json.WriteNumber("pageSize", translation.PageSize.Bytes());
                json.WriteString("rights", translation.Rights.ToString());
                json.WriteNumber("patIndex", translation.PatIndex);
            }
        }
        else
        {
            json.WriteNumber("vector", (int)translation.Fault.Vector);
            json.WriteNumber("errorCode", translation.Fault.ErrorCode);
            json.WriteString("reason", translation.Fault.Reason.ToString());
            if (translation.Fault.Level != 0) json.WriteNumber("level", translation.Fault.Level);
            json.WriteString("text", translation.Fault.ToString());
        }
    }

    /// <summary>A number as <c>0x</c> and digits.</summary>
    public static string Hex(ulong value) => $"0x{value:x}";

    private static void WriteLogical(Utf8JsonWriter json, LogicalPart logical)
    {
        json.WriteStartObject("logical");
        json.WriteString("source", logical.Source);
        json.WriteString("offset", Hex(logical.Offset));
        json.WriteString("mode", logical.Mode.ToString());
        if (logical.Descriptor is ExplainedDescriptor descriptor)
        {
            json.WriteStartObject("descriptor");
            json.WriteNumber("index", descriptor.Entry.Index);
            json.WriteString("raw", Hex(descriptor.Entry.Low));
            json.WriteString("linear", Hex(descriptor.Linear));
            json.WriteString("physical", Hex(descriptor.Physical));
            json.WriteString("text", descriptor.Entry.ToString());
            if (descriptor.LinuxName is not null) json.WriteString("linuxName", descriptor.LinuxName);
            json.WriteEndObject();
        }

        if (logical.Segment is CachedSegment segment)
        {
            json.WriteStartObject("register");
            json.WriteNumber("selector", segment.Selector.Value);
            json.WriteString("base", Hex(segment.Base));
            json.WriteString("limit", Hex(segment.Limit));
            json.WriteString("attributes", segment.Attributes.ToString());
            json.WriteEndObject();
        }

        if (logical.Fault.IsFault) json.WriteString("fault", logical.Fault.ToString());
        json.WriteEndObject();
    }

    private static void WriteArea(Utf8JsonWriter json, Explanation explanation)
    {
        if (!explanation.AreasKnown) return;
        if (explanation.Area is not ExplainedArea area)
        {
            json.WriteNull("area");
            return;
        }

        json.WriteStartObject("area");
        json.WriteString("start", Hex(area.Start));
        json.WriteString("end", Hex(area.End));
        json.WriteString("permissions", area.Permissions);
        json.WriteString("offset", Hex(area.Offset));
        json.WriteString("name", area.Name);
        if (area.Flags.Length > 0) json.WriteString("flags", area.Flags);
        json.WriteEndObject();
    }

    private static void WriteProgram(Utf8JsonWriter json, Explanation explanation)
    {
        if (explanation.Program.Count == 0) return;
        json.WriteStartArray("program");
        foreach (ProgramAccess access in explanation.Program)
        {
            json.WriteStartObject();
            json.WriteString("access", access.Access.ToString());
            json.WriteBoolean("goesAhead", access.GoesAhead);
            json.WriteString("text", access.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteEntries(Utf8JsonWriter json, Explanation explanation)
    {
        json.WriteStartArray("entries");
        foreach (ExplainedEntry entry in explanation.Entries)
        {
            json.WriteStartObject();
            json.WriteString("table", entry.Table);
            json.WriteNumber("level", entry.Level);
            json.WriteNumber("index", entry.Index);
            if (entry.Address is ulong address) json.WriteString("address", Hex(address));
            json.WriteString("raw", Hex(entry.Raw));
            json.WriteString("text", entry.Meaning);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCosts(Utf8JsonWriter json, Explanation explanation)
    {
        if (explanation.Costs.Count == 0) return;
        json.WriteStartObject("tableCosts");
        foreach (TableCost cost in explanation.Costs)
        {
            if (cost.Bytes is ulong bytes) json.WriteNumber(cost.Shape.Name, bytes);
        }

        json.WriteEndObject();
    }

    private static void WriteOutcomes(Utf8JsonWriter json, Explanation explanation)
    {
        json.WriteStartArray("accesses");
        foreach (AccessOutcome outcome in explanation.Outcomes)
        {
            json.WriteStartObject();
            json.WriteString("at", outcome.Who);
            json.WriteString("access", outcome.Access.ToString());
            WriteTranslationFields(json, outcome.Translation);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
