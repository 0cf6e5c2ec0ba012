using System.Globalization;
using System.Text.Json;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.ExecRecords;

/// <summary>Reads one line of recorded execve calls.</summary>
internal static class ExecRecordParser
{
    private const long MaximumArgumentBytes = 64 << 20;

    private static readonly Dictionary<string, int> Resources = new()
    {
        ["DATA"] = ResourceLimits.Data, ["STACK"] = ResourceLimits.Stack, ["MEMLOCK"] = ResourceLimits.MemoryLock, ["AS"] = ResourceLimits.AddressSpace,
    };

    /// <summary>Reads a line.</summary>
    /// <param name="element">The object on it.</param>
    /// <param name="line">Its number.</param>
    /// <exception cref="FormatException">It is no record of this format; so do other exceptions of the JSON reader say.</exception>
    public static ExecRecord Parse(JsonElement element, int line)
    {
        string result = Text(element, "result");
        return new ExecRecord
        {
            Line = line,
            Name = Text(element, "name"),
            Path = Text(element, "path"),
            Arguments = element.TryGetProperty("argv_rle", out JsonElement runs) ? Expand(runs) : Texts(element.GetProperty("argv")),
            Environment = Texts(element.GetProperty("envp")),
            UserId = element.GetProperty("uid").GetInt32(),
            WorkingDirectory = OptionalText(element, "cwd"),
            OpenPath = OptionalText(element, "fd_path"),
            Limits = element.TryGetProperty("rlimits", out JsonElement limits) ? [.. limits.EnumerateObject().Select(Limit)] : [],
            Personality = Personality.NoRandomize | (element.TryGetProperty("personality_extra", out JsonElement extra) ? (Personality)extra.GetUInt32() : 0),
            Result = result,
            State = result == "ok" ? ParseState(element) : null,
        };
    }

    private static ExecState ParseState(JsonElement element)
    {
        JsonElement stack = element.GetProperty("stack");
        return new ExecState
        {
            Registers = Numbers(element.GetProperty("regs")),
            Bits = element.GetProperty("bits").GetInt32(),
            Areas = [.. element.GetProperty("vmas").EnumerateArray().Select(Area)],
            Counters = element.GetProperty("m").EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetInt64()),
            Places = Numbers(element.GetProperty("mm")),
            Comm = Text(element, "comm"),
            AuxiliaryVector = [.. element.GetProperty("auxv").EnumerateArray().Select(e => new AuxiliaryEntry((AuxiliaryType)e[0].GetInt32(), Number(e[1])))],
            Present = [.. element.GetProperty("present").EnumerateArray().Select(e => (Number(e[0]), e[1].GetInt32()))],
            StackPointer = Number(stack.GetProperty("rsp")),
            StackTop = Number(stack.GetProperty("top")),
            StackBytes = Convert.FromHexString(Text(stack, "hex")),
            StackHash = Text(stack, "sha256"),
            Pages = [.. element.GetProperty("pages").EnumerateObject().Select(p => (Number(p.Name), Texts(p.Value).ToArray()))],
        };
    }

    private static ExecArea Area(JsonElement area) => new(
        Number(area.GetProperty("start")), Number(area.GetProperty("end")), Text(area, "perms"), Number(area.GetProperty("offset")), Text(area, "name"),
        area.GetProperty("rss").GetUInt64(), area.GetProperty("anon").GetUInt64(), Text(area, "flags"));

    private static (int Resource, ResourceLimit Limit) Limit(JsonProperty limit) => (
        Resources.TryGetValue(limit.Name, out int resource) ? resource : throw new FormatException($"'{limit.Name}' is no limit that memory obeys"),
        new ResourceLimit((ulong)limit.Value[0].GetInt64(), (ulong)limit.Value[1].GetInt64()));

    private static List<string> Expand(JsonElement runs)
    {
        var texts = new List<string>();
        long bytes = 0;
        foreach (JsonElement run in runs.EnumerateArray())
        {
            JsonElement what = run[0];
            string text = what.ValueKind == JsonValueKind.String ? what.GetString()! : new string(Text(what, "char")[0], Length(what.GetProperty("len").GetInt64()));
            long count = run[1].GetInt64();
            bytes += Length(count) * (text.Length + 1L);
            Length(bytes);
            for (long i = 0; i < count; i++) texts.Add(text);
        }

        return texts;
    }

    private static int Length(long value) =>
        value is >= 0 and <= MaximumArgumentBytes ? (int)value : throw new FormatException($"arguments of {value} bytes are too many");

    private static Dictionary<string, ulong> Numbers(JsonElement element) => element.EnumerateObject().ToDictionary(f => f.Name, f => Number(f.Value));

    private static ulong Number(JsonElement element) => Number(element.GetString() ?? throw new FormatException("a number is missing"));

    private static ulong Number(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : throw new FormatException($"'{text}' is not a number 0x...");

    private static string[] Texts(JsonElement element) => [.. element.EnumerateArray().Select(e => e.GetString() ?? "")];

    private static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() is { Length: > 0 } text ? text
        : name is "name" or "flags" or "hex" ? "" : throw new FormatException($"'{name}' is empty");

    private static string? OptionalText(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
}
