using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FastMmu.NativeCompare;

/// <summary>The results as a table for people and as JSON for programs.</summary>
internal static class Report
{
    private static readonly string[] Columns =
        ["fastmmu-scalar", "fastmmu-batch", "cpp-qemu-style", "cpp-walk", "cpp-batch", "limit", "unicorn"];

    // Time of the slow one divided by time of the fast one.
    private static readonly (string Title, string Fast, string Slow)[] Ratios =
    [
        ("qemu/batch", "fastmmu-batch", "cpp-qemu-style"),
        ("qemu/scalar", "fastmmu-scalar", "cpp-qemu-style"),
        ("cpp/batch", "fastmmu-batch", "cpp-batch"),
        ("limit/batch", "fastmmu-batch", "limit"),
    ];

    /// <summary>Nanoseconds a translation, one line a workload, and the ratios behind them.</summary>
    public static string Table(IReadOnlyList<Result> results)
    {
        string[] sides = [.. Columns.Where(c => results.Any(r => r.Side == c))];
        (string Title, string Fast, string Slow)[] ratios = [.. Ratios.Where(r => sides.Contains(r.Fast) && sides.Contains(r.Slow))];
        var text = new StringBuilder();
        text.Append("workload  ");
        foreach (string side in sides) text.Append(side.PadLeft(16));
        if (ratios.Length != 0) text.Append("  |");
        foreach (var ratio in ratios) text.Append(ratio.Title.PadLeft(12));
        text.AppendLine();
        foreach (IGrouping<string, Result> workload in results.GroupBy(r => r.Workload))
        {
            Dictionary<string, Result> bySide = workload.ToDictionary(r => r.Side);
            text.Append(workload.Key.PadRight(10));
            foreach (string side in sides) text.Append((bySide.TryGetValue(side, out Result r) ? $"{r.Nanoseconds:0.00} ±{r.Spread / 2:0.00}" : "-").PadLeft(16));
            if (ratios.Length != 0) text.Append("  |");
            foreach ((_, string fast, string slow) in ratios)
            {
                bool both = bySide.ContainsKey(fast) && bySide.ContainsKey(slow);
                text.Append((both ? $"{bySide[slow].Nanoseconds / bySide[fast].Nanoseconds:0.00}" : "-").PadLeft(12));
            }

            text.AppendLine();
        }

        text.AppendLine("Nanoseconds a translation: median of the rounds ± half the distance of their quartiles.");
        if (ratios.Length != 0) text.AppendLine("Ratios: the time named first divided by that of FastMmu's batch or scalar side; above 1, FastMmu is faster.");
        return text.ToString();
    }

    /// <summary>Writes a list of <c>{"workload","side","ns","spread"}</c>.</summary>
    public static void WriteJson(string path, IReadOnlyList<Result> results)
    {
        var lines = results.Select(r => string.Create(
            CultureInfo.InvariantCulture,
            $"  {{\"workload\": {JsonSerializer.Serialize(r.Workload)}, \"side\": {JsonSerializer.Serialize(r.Side)}, \"ns\": {r.Nanoseconds:0.####}, \"spread\": {r.Spread:0.####}}}"));
        File.WriteAllText(path, "[\n" + string.Join(",\n", lines) + "\n]\n");
    }
}
