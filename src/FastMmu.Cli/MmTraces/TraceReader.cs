using System.Text.Json;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.MmTraces;

/// <summary>The traces of a file, one at a time.</summary>
internal sealed class TraceReader : IDisposable
{
    // A process of max_map_count areas, listed in full, is a line of some MiB.
    private const int LongestLine = 1 << 24;

    private readonly LineReader _lines;
    private readonly TraceOpParser _parser = new();

    private TraceReader(LineReader lines) => _lines = lines;

    /// <summary>The file as the user named it.</summary>
    public string Path => _lines.Path;

    /// <summary>How much of the file has been read, 0 to 1.</summary>
    public double Done => _lines.Done;

    /// <summary>Lines read so far.</summary>
    public long LineNumber => _lines.LineNumber;

    /// <summary>Opens a file, plain or gzip.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TraceReader Open(string path) => new(LineReader.Open(path, LongestLine));

    /// <summary>Reads the next trace to its end.</summary>
    /// <returns>The trace, or null at the end of the file.</returns>
    /// <exception cref="InputException">The file is not of the format; the message names the line.</exception>
    /// <exception cref="InvalidDataException">The file is cut or damaged; the message names the line.</exception>
    public MmTrace? ReadNext()
    {
        MmTrace? trace = null;
        while (_lines.MoveNext())
        {
            try
            {
                switch (LineKind(_lines.Line))
                {
                    case 't' when trace is null:
                        trace = new MmTrace(_lines.LineNumber, TraceHeaderParser.Parse(_lines.Line));
                        break;
                    case 'o' when trace is not null:
                        _parser.ParseOp(_lines.Line, _lines.LineNumber, trace);
                        break;
                    case 'e' when trace is not null:
                        _parser.ParseEnd(_lines.Line, _lines.LineNumber, trace);
                        return trace.Ops.Count == trace.Header.Ops
                            ? trace
                            : throw new FormatException($"trace {trace.Header.Id} says it has {trace.Header.Ops} calls and has {trace.Ops.Count}");
                    case 't':
                        throw new FormatException($"a trace starts before trace {trace!.Header.Id} has ended");
                    default:
                        throw new FormatException("a call or an end stands before the start of a trace");
                }
            }
            catch (FormatException failure)
            {
                throw new InputException($"{Path}:{_lines.LineNumber}: {failure.Message}", failure);
            }
            catch (Exception failure) when (failure is JsonException or InvalidOperationException or IndexOutOfRangeException)
            {
                throw new InputException($"{Path}:{_lines.LineNumber}: not a line of a trace: {failure.Message}", failure);
            }
        }

        return trace is null ? null : throw new InputException($"{Path}:{_lines.LineNumber}: the file ends before trace {trace.Header.Id} does");
    }

    public void Dispose() => _lines.Dispose();

    /// <summary>What a line is: <c>t</c>race, <c>o</c>p or <c>e</c>nd.</summary>
    /// <exception cref="FormatException">None of them.</exception>
    public static char LineKind(ReadOnlySpan<byte> line)
    {
        // As nearly every line begins.
        if (line.StartsWith("{\"t\":\"op\","u8)) return 'o';
        var json = new Utf8JsonReader(line);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new FormatException("the line is no JSON object");
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (!json.ValueTextEquals("t"u8))
            {
                json.Read();
                json.Skip();
                continue;
            }

            json.Read();
            if (json.ValueTextEquals("op"u8)) return 'o';
            if (json.ValueTextEquals("trace"u8)) return 't';
            if (json.ValueTextEquals("end"u8)) return 'e';
            throw new FormatException($"'{json.GetString()}' is no kind of line");
        }

        throw new FormatException("'t' is missing");
    }
}
