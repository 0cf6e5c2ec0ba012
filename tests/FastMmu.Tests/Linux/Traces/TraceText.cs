using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastMmu.Cli.MmTraces.Replay;

namespace FastMmu.Tests.Linux.Traces;

/// <summary>A recorded trace as lines of text, to be damaged and judged again.</summary>
internal sealed class TraceText : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fastmmu-traces-");

    private TraceText(List<JsonObject> lines) => Lines = lines;

    public List<JsonObject> Lines { get; }

    /// <summary>The file, after <see cref="Write"/>.</summary>
    public string File => Path.Combine(_folder.FullName, "trace.jsonl");

    /// <summary>The trace of a name.</summary>
    public static TraceText Of(string file, string id)
    {
        using var text = new StreamReader(new GZipStream(System.IO.File.OpenRead(RepositoryRoot.Data("mm", file)), CompressionMode.Decompress));
        var lines = new List<JsonObject>();
        while (text.ReadLine() is { } line)
        {
            if (lines.Count == 0 && !line.Contains($"\"id\":\"{id}\"", StringComparison.Ordinal)) continue;
            lines.Add(JsonNode.Parse(line)!.AsObject());
            if (line.StartsWith("{\"t\":\"end\"", StringComparison.Ordinal)) return new(lines);
        }

        throw new InvalidOperationException($"{file} has no trace {id}.");
    }

    /// <summary>The first call with a name and, if asked for, a field.</summary>
    public JsonObject First(string call, string? field = null) => Lines.First(l => (string?)l["op"] == call && (field is null || l.ContainsKey(field)));

    public void Write() => WriteText(string.Concat(Lines.Select(l => l.ToJsonString(JsonSerializerOptions.Web) + "\n")));

    public void WriteText(string text)
    {
        System.IO.File.WriteAllText(File, text);
        System.IO.File.Copy(RepositoryRoot.Data("mm", "target"), Path.Combine(_folder.FullName, "target"), overwrite: true);
    }

    /// <summary>What differs where the trace first disagrees; empty if it agrees.</summary>
    public IReadOnlyList<string> Judge(ReplayOptions? options = null)
    {
        Write();
        return TraceReplay.Verify(File, options ?? new ReplayOptions()).Mismatches.FirstOrDefault()?.Differences ?? [];
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
