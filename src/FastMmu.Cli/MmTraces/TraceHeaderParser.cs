using System.Text;
using System.Text.Json;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.MmTraces;

/// <summary>Reads the line that a trace starts with.</summary>
internal static class TraceHeaderParser
{
    /// <summary>Reads <c>{"t":"trace",...}</c>.</summary>
    /// <exception cref="FormatException">Something in it is not of the format; the message says what.</exception>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static TraceHeader Parse(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement root = document.RootElement;
        JsonElement limits = Field(root, "rlimits"), sysctl = Field(root, "sysctl"), mm = Field(root, "mm");
        return new TraceHeader
        {
            Id = Text(root, "id"),
            Level = (int)Number(root, "level"),
            Ops = (int)Number(root, "ops"),
            Personality = (uint)Number(root, "personality"),
            Uid = (uint)Number(root, "uid"),
            HasCapabilities = Capabilities(Text(root, "caps")),
            Data = Limit(limits, "DATA"),
            Stack = Limit(limits, "STACK"),
            MemLock = Limit(limits, "MEMLOCK"),
            AddressSpace = Limit(limits, "AS"),
            MaxMapCount = (int)Number(sysctl, "max_map_count"),
            OvercommitMemory = (int)Number(sysctl, "overcommit_memory"),
            OvercommitRatio = (int)Number(sysctl, "overcommit_ratio"),
            MmapMinAddress = Number(sysctl, "mmap_min_addr"),
            EffectiveMmapMinAddress = Number(sysctl, "mmap_min_addr_effective"),
            LegacyLayout = Number(sysctl, "legacy_va_layout") != 0,
            StackGuardGapPages = Number(sysctl, "stack_guard_gap_pages"),
            TotalRamPages = Number(root, "totalram_pages"),
            TaskSize = Number(root, "task_size"),
            MmapBase = Number(root, "mmap_base"),
            Mm = new(
                Number(mm, "start_code"), Number(mm, "end_code"), Number(mm, "start_stack"), Number(mm, "start_data"), Number(mm, "end_data"),
                Number(mm, "start_brk"), Number(mm, "brk"), Number(mm, "arg_start"), Number(mm, "arg_end"), Number(mm, "env_start"), Number(mm, "env_end")),
            Auxv = [.. Array(root, "auxv").Select(pair => (Value(pair[0], "auxv"), Value(pair[1], "auxv")))],
            Argv = [.. Array(root, "argv").Select(a => a.GetString() ?? "")],
            Envp = [.. Array(root, "envp").Select(a => a.GetString() ?? "")],
            ExecFn = Text(root, "execfn"),
            Areas = [.. Array(root, "vmas").Select(Area)],
            Counters = CountersOf(root),
            Present = [.. Array(root, "present").Select(pair => (Value(pair[0], "present"), (int)Value(pair[1], "present")))],
            Rsp = Number(root, "rsp"),
            StackBytes = Convert.FromHexString(Text(root, "stack_hex")),
        };
    }

    private static long[] CountersOf(JsonElement root)
    {
        string[] keys = [.. Array(root, "mkeys").Select(k => k.GetString() ?? "")];
        if (!keys.SequenceEqual(Enum.GetNames<TraceCounter>())) throw new FormatException("'mkeys' are not the known counters");
        long[] counters = [.. Array(root, "m").Select(n => (long)Value(n, "m"))];
        return counters.Length == keys.Length ? counters : throw new FormatException($"{counters.Length} counters where there should be {keys.Length}");
    }

    private static TraceArea Area(JsonElement area)
    {
        if (area.ValueKind != JsonValueKind.Array || area.GetArrayLength() != 8) throw new FormatException("an area of 'vmas' has not 8 fields");
        if (!VmFlagCodes.TryParsePermissions(Encoding.UTF8.GetBytes(area[2].GetString() ?? ""), out VmFlags permissions)) throw new FormatException("an area of 'vmas' has no permissions");
        if (!VmFlagCodes.TryParse(Encoding.UTF8.GetBytes(area[5].GetString() ?? ""), out VmFlags flags)) throw new FormatException("an area of 'vmas' has no VmFlags");
        return new(
            Value(area[0], "vmas"), Value(area[1], "vmas"), Value(area[3], "vmas"), flags, permissions, area[4].GetString() ?? "",
            (long)Value(area[6], "vmas"), (long)Value(area[7], "vmas"));
    }

    private static bool Capabilities(string text) => text switch
    {
        "none" => false,
        "all-but-CAP_SYS_RESOURCE" => true,
        _ => throw new FormatException($"'caps' is '{text}', which is not known"),
    };

    private static TraceLimit Limit(JsonElement limits, string name)
    {
        JsonElement pair = Field(limits, name);
        return pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2
            ? new(Value(pair[0], name), Value(pair[1], name))
            : throw new FormatException($"limit '{name}' is not [soft, hard]");
    }

    private static JsonElement Field(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out JsonElement value) ? value : throw new FormatException($"'{name}' is missing");

    private static JsonElement[] Array(JsonElement from, string name)
    {
        JsonElement value = Field(from, name);
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw new FormatException($"'{name}' is not an array");
    }

    private static string Text(JsonElement from, string name) =>
        Field(from, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw new FormatException($"'{name}' is not a text");

    private static ulong Number(JsonElement from, string name) => Value(Field(from, name), name);

    private static ulong Value(JsonElement value, string name)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out ulong number)) return number;
        return value.ValueKind == JsonValueKind.String && value.GetString() is ['0', 'x', .. var digits]
            && ulong.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, null, out number)
            ? number
            : throw new FormatException($"'{name}' holds something that is no number");
    }
}
