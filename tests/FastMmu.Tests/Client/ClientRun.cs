using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>A program on the client, in a process of its own: what a guest does to Unicorn must not end the tests.</summary>
internal sealed class ClientRun
{
    private ClientRun(ProgramResult result, JsonElement report) => (Result, Report) = (result, report);

    /// <summary>How it ended.</summary>
    public ProgramResult Result { get; }

    /// <summary>What the client says of it.</summary>
    public JsonElement Report { get; }

    /// <summary>Runs a program as <see cref="NativeRun.Run"/> does.</summary>
    public static ClientRun Run(string folder, string[] environment, string[] arguments)
    {
        const string Script = "exec \"$@\" <input >client.out 2>client.err";
        string runtime = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"));
        string client = Path.Combine(AppContext.BaseDirectory, "FastMmu.Client.dll");
        string report = Path.Combine(folder, "report.json");
        string[] given = [.. environment.SelectMany(e => new[] { "--env", e })];
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", runtime, client, "--report", report, .. given, .. arguments]) { WorkingDirectory = folder };
        using Process process = Process.Start(start)!;
        Assert.True(process.WaitForExit(60_000), "The client does not come to an end.");
        string errors = File.ReadAllText(Path.Combine(folder, "client.err"));
        Assert.True(File.Exists(report), $"The client failed with {process.ExitCode}: {errors}");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(report));
        JsonElement root = document.RootElement.Clone();
        var processes = new SortedDictionary<string, ProcessEnd>(StringComparer.Ordinal);
        foreach (JsonElement one in root.GetProperty("processes").EnumerateArray())
        {
            processes.Add(one.GetProperty("lineage").GetString()!, new ProcessEnd(one.GetProperty("status").GetInt32(), one.GetProperty("maps").GetString()!));
        }

        return new ClientRun(new ProgramResult(File.ReadAllBytes(Path.Combine(folder, "client.out")), errors, process.ExitCode, processes), root);
    }

    /// <summary>One of its counters.</summary>
    public long Count(string name) => Report.GetProperty(name).GetInt64();
}
