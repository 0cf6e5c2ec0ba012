using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.MmTraces;

/// <summary>Reads the lines of calls and ends: token by token, without a tree, because they are many.</summary>
internal sealed class TraceOpParser
{
    private static readonly int CounterCount = Enum.GetValues<TraceCounter>().Length;

    private readonly bool _resultsRequired;

    private readonly Dictionary<int, List<string>> _names = [];

    /// <param name="resultsRequired">Whether every call must have its answer beside it.</param>
    public TraceOpParser(bool resultsRequired = true) => _resultsRequired = resultsRequired;

    /// <summary>Reads <c>{"t":"op",...}</c> into a trace.</summary>
    /// <exception cref="FormatException">Something in it is not of the format; the message says what.</exception>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public void ParseOp(ReadOnlySpan<byte> line, long lineNumber, MmTrace trace)
    {
        var op = new TraceOp { Line = lineNumber, Index = -1, Process = -1, ReadByte = -1 };
        op.Change = AreaChange.None;
        op.Counters = op.Full = op.Pages = op.ChildAreas = op.ChildCounters = op.SideEffects = PoolRange.None;
        bool hasCall = false, hasResult = false;
        string? signal = null;
        int code = 0;
        ulong address = 0;
        var json = new Utf8JsonReader(line);
        Open(ref json);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            // By length and letter first: most fields have names of one letter.
            ReadOnlySpan<byte> field = json.ValueSpan;
            byte letter = field.Length == 1 ? field[0] : (byte)0;
            if (letter == 't') Skip(ref json);
            else if (letter == 'i') op.Index = (int)Next(ref json, 0, int.MaxValue);
            else if (letter == 'p') op.Process = (int)Next(ref json, 0, int.MaxValue);
            else if (letter == 'a') ReadArguments(ref json, ref op);
            else if (letter == 'r')
            {
                op.Result = Result(ref json, out signal);
                hasResult = true;
            }
            else if (letter == 'd') op.Change = Change(ref json, trace);
            else if (letter == 'm') op.Counters = Counters(ref json, trace);
            else if (letter == 'v') op.ReadByte = (int)Next(ref json, 0, 255);
            else if (json.ValueTextEquals("op"u8))
            {
                ReadOnlySpan<byte> name = Text(ref json);
                if (!TraceCalls.TryParse(name, out op.Call)) throw new FormatException($"unknown call '{Encoding.UTF8.GetString(name)}'");
                hasCall = true;
            }
            else if (json.ValueTextEquals("code"u8)) code = (int)Next(ref json, int.MinValue, int.MaxValue);
            else if (json.ValueTextEquals("fa"u8)) address = NextNumber(ref json);
            else if (json.ValueTextEquals("full"u8)) op.Full = Areas(ref json, trace);
            else if (json.ValueTextEquals("vec"u8)) op.Pages = Vector(ref json, trace);
            else if (json.ValueTextEquals("pm"u8)) op.Pages = Numbers(ref json, trace);
            else if (json.ValueTextEquals("child"u8)) ReadState(ref json, trace, ref op.ChildAreas, ref op.ChildCounters);
            else if (json.ValueSpan is [(byte)'x', .. var digits] && Utf8Parser.TryParse(digits, out int process, out int used) && used == digits.Length)
            {
                SideEffect effect = Effect(ref json, trace, process);
                int first = op.SideEffects.IsThere ? op.SideEffects.First : trace.SideEffectCount;
                trace.Add(effect);
                op.SideEffects = new(first, trace.SideEffectCount - first);
            }
            else Skip(ref json);
        }

        Close(ref json);
        if (!hasCall) throw new FormatException("'op' is missing");
        if (_resultsRequired && (!hasResult || op.Process < 0 || op.Index < 0)) throw new FormatException("'i', 'p' or 'r' is missing");
        op.Process = Math.Max(op.Process, 0);
        (int least, int most) = TraceCalls.Arguments(op.Call);
        if (op.ArgumentCount < least || op.ArgumentCount > most) throw new FormatException($"{TraceCalls.Name(op.Call)} takes {(least == most ? $"{least}" : $"{least} to {most}")} arguments, not {op.ArgumentCount}");
        if (signal is not null) op.Result = op.Result with { Code = code, Address = address };
        trace.Ops.Add(op);
    }

    /// <summary>Reads <c>{"t":"end",...}</c> into a trace.</summary>
    /// <exception cref="FormatException">Something in it is not of the format; the message says what.</exception>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public void ParseEnd(ReadOnlySpan<byte> line, long lineNumber, MmTrace trace)
    {
        trace.EndLine = lineNumber;
        var json = new Utf8JsonReader(line);
        Open(ref json);
        bool hasFinal = false;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (!json.ValueTextEquals("final"u8))
            {
                Skip(ref json);
                continue;
            }

            hasFinal = true;
            Start(ref json);
            while (json.Read() && json.TokenType == JsonTokenType.StartObject)
            {
                int process = -1;
                ulong brk = 0;
                PoolRange counters = PoolRange.None, areas = PoolRange.None;
                while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                {
                    if (json.ValueTextEquals("p"u8)) process = (int)Next(ref json, 0, int.MaxValue);
                    else if (json.ValueTextEquals("brk"u8)) brk = NextNumber(ref json);
                    else if (json.ValueTextEquals("m"u8)) counters = Counters(ref json, trace);
                    else if (json.ValueTextEquals("vmas"u8)) areas = Areas(ref json, trace);
                    else Skip(ref json);
                }

                if (process < 0 || !areas.IsThere || !counters.IsThere) throw new FormatException("a final state has no 'p', 'vmas' or 'm'");
                trace.Finals.Add(new(process, brk, counters, areas));
            }
        }

        Close(ref json);
        if (!hasFinal) throw new FormatException("'final' is missing");
    }

    private static void ReadArguments(ref Utf8JsonReader json, ref TraceOp op)
    {
        Start(ref json);
        op.ArgumentCount = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (op.ArgumentCount == 6) throw new FormatException("a call has more than 6 arguments");
            op.Arguments[op.ArgumentCount++] = Argument(ref json);
        }
    }

    private static ulong Argument(ref Utf8JsonReader json)
    {
        if (json.TokenType == JsonTokenType.String && json.ValueSpan is [(byte)'r' or (byte)'w' or (byte)'x']) return json.ValueSpan[0];
        if (json.TokenType == JsonTokenType.String && json.ValueSpan is [not (byte)'0', ..])
        {
            string name = json.GetString()!;
            return TraceCalls.TryResource(name, out ulong resource) ? resource : throw new FormatException($"'{name}' is no argument");
        }

        return Number(ref json);
    }

    private static TraceResult Result(ref Utf8JsonReader json, out string? signal)
    {
        signal = null;
        ReadOnlySpan<byte> text = Text(ref json);
        switch (text)
        {
            case [(byte)'0', (byte)'x', ..]:
                return new(ResultKind.Value, (long)Hex(text));
            case [(byte)'o', (byte)'k']:
                return new(ResultKind.Done);
            case [(byte)'p', .. var digits] when Utf8Parser.TryParse(digits, out int child, out int used) && used == digits.Length:
                return new(ResultKind.Child, child);
            default:
                string other = Encoding.UTF8.GetString(text);
                if (ErrnoNames.TryParseSigned(other, out long error)) return new(ResultKind.Value, error);
                signal = other;
                return other switch
                {
                    "SIGSEGV" => new(ResultKind.Signal, TraceResult.SignalSegv),
                    "SIGBUS" => new(ResultKind.Signal, TraceResult.SignalBus),
                    _ => throw new FormatException($"'{other}' is no result"),
                };
        }
    }

    private AreaChange Change(ref Utf8JsonReader json, MmTrace trace)
    {
        Start(ref json);
        int index = (int)Next(ref json, 0, int.MaxValue), removed = (int)Next(ref json, 0, int.MaxValue);
        PoolRange areas = Areas(ref json, trace);
        return json.Read() && json.TokenType == JsonTokenType.EndArray ? new(index, removed, areas) : throw new FormatException("'d' is not [index, count, [areas]]");
    }

    private SideEffect Effect(ref Utf8JsonReader json, MmTrace trace, int process)
    {
        Enter(ref json);
        AreaChange change = AreaChange.None;
        PoolRange counters = PoolRange.None;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("d"u8)) change = Change(ref json, trace);
            else if (json.ValueTextEquals("m"u8)) counters = Counters(ref json, trace);
            else Skip(ref json);
        }

        return new(process, change, counters);
    }

    private void ReadState(ref Utf8JsonReader json, MmTrace trace, ref PoolRange areas, ref PoolRange counters)
    {
        Enter(ref json);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("vmas"u8)) areas = Areas(ref json, trace);
            else if (json.ValueTextEquals("m"u8)) counters = Counters(ref json, trace);
            else Skip(ref json);
        }
    }

    private PoolRange Areas(ref Utf8JsonReader json, MmTrace trace)
    {
        Start(ref json);
        int first = trace.AreaCount;
        while (json.Read() && json.TokenType == JsonTokenType.StartArray) trace.Add(Area(ref json));
        return json.TokenType == JsonTokenType.EndArray ? new(first, trace.AreaCount - first) : throw new FormatException("a list of areas holds something else");
    }

    // [start, end, "rwxp", offset, name, VmFlags, rss, anon]
    private TraceArea Area(ref Utf8JsonReader json)
    {
        ulong start = NextNumber(ref json), end = NextNumber(ref json);
        if (!VmFlagCodes.TryParsePermissions(Text(ref json), out VmFlags permissions)) throw new FormatException($"'{json.GetString()}' are no permissions");
        ulong offset = NextNumber(ref json);
        string name = Intern(Text(ref json));
        if (!VmFlagCodes.TryParse(Text(ref json), out VmFlags flags)) throw new FormatException($"'{json.GetString()}' are no VmFlags");
        long rss = Next(ref json, 0, long.MaxValue), anonymous = Next(ref json, 0, long.MaxValue);
        return json.Read() && json.TokenType == JsonTokenType.EndArray
            ? new(start, end, offset, flags, permissions, name, rss, anonymous)
            : throw new FormatException("an area has more than 8 fields");
    }

    private static PoolRange Counters(ref Utf8JsonReader json, MmTrace trace)
    {
        PoolRange numbers = Numbers(ref json, trace);
        return numbers.Count == CounterCount ? numbers : throw new FormatException($"{numbers.Count} counters where there should be 12");
    }

    private static PoolRange Numbers(ref Utf8JsonReader json, MmTrace trace)
    {
        Start(ref json);
        int first = trace.NumberCount;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long number)) throw new FormatException("a list of numbers holds something else");
            trace.Add(number);
        }

        return new(first, trace.NumberCount - first);
    }

    private static PoolRange Vector(ref Utf8JsonReader json, MmTrace trace)
    {
        int first = trace.NumberCount;
        foreach (byte digit in Text(ref json))
        {
            if (digit is not ((byte)'0' or (byte)'1')) throw new FormatException("'vec' holds something else than 0 and 1");
            trace.Add(digit - (long)'0');
        }

        return new(first, trace.NumberCount - first);
    }

    // Names repeat all the time; each is made a string once.
    private string Intern(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) return "";
        int key = (name.Length << 16) | (name[0] << 8) | name[^1];
        if (!_names.TryGetValue(key, out List<string>? candidates)) _names.Add(key, candidates = []);
        foreach (string candidate in candidates)
        {
            if (Ascii.Equals(name, candidate)) return candidate;
        }

        string text = Encoding.UTF8.GetString(name);
        candidates.Add(text);
        return text;
    }

    private static void Open(ref Utf8JsonReader json)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new FormatException("the line is no JSON object");
    }

    private static void Close(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.EndObject || json.Read()) throw new FormatException("the line goes on behind its object");
    }

    private static void Enter(ref Utf8JsonReader json)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new FormatException("there should be an object");
    }

    private static void Start(ref Utf8JsonReader json)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartArray) throw new FormatException("there should be an array");
    }

    private static void Skip(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    private static ReadOnlySpan<byte> Text(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.String && !json.ValueIsEscaped
        ? json.ValueSpan
        : throw new FormatException("there should be a text");

    private static long Next(ref Utf8JsonReader json, long least, long most)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long number)) throw new FormatException("there should be a whole number");
        return number >= least && number <= most ? number : throw new FormatException($"{number} is out of range");
    }

    private static ulong NextNumber(ref Utf8JsonReader json)
    {
        json.Read();
        return Number(ref json);
    }

    private static ulong Number(ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.Number when json.TryGetInt64(out long signed):
                return (ulong)signed;
            case JsonTokenType.Number when json.TryGetUInt64(out ulong unsigned):
                return unsigned;
            case JsonTokenType.String:
                return Hex(json.ValueSpan);
            default:
                throw new FormatException("there should be a number");
        }
    }

    private static ulong Hex(ReadOnlySpan<byte> text) =>
        text is [(byte)'0', (byte)'x', .. var digits] && digits.Length <= 16 && Utf8Parser.TryParse(digits, out ulong value, out int used, 'x') && used == digits.Length
            ? value
            : throw new FormatException($"'{Encoding.UTF8.GetString(text)}' is no number");
}
