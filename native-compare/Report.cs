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

    /// <summary>Nanoseconds an event with the accesses around it, one line an event.</summary>
    /// <param name="costs">The results.</param>
    /// <param name="separate">Whether an empty line goes before.</param>
    public static string CostTable(IReadOnlyList<Result> costs, bool separate)
    {
        string[] sides = [.. costs.Select(r => r.Side).Distinct()];
        var text = new StringBuilder();
        if (separate) text.AppendLine();
        text.Append("costs       ");
        foreach (string side in sides) text.Append(side.PadLeft(18));
        if (sides.Length > 1) text.Append("  |   ratio");
        text.AppendLine();
        foreach (IGrouping<string, Result> cost in costs.GroupBy(r => r.Workload))
        {
            Result[] bySide = [.. cost];
            text.Append(cost.Key.PadRight(12));
            foreach (Result result in bySide) text.Append(CultureInfo.InvariantCulture, $"{$"{result.Nanoseconds:0.0} ±{result.Spread / 2:0.0}",18}");
            if (bySide.Length > 1) text.Append(CultureInfo.InvariantCulture, $"  |{bySide[1].Nanoseconds / bySide[0].Nanoseconds,8:0.00}");
            text.AppendLine();
        }

        text.AppendLine("Nanoseconds an event and the accesses around it, one at a time: a switch and 64 pages; an INVLPG, 64 pages and one in the large page;");
        text.AppendLine("a WRPKRU and 16 accesses; a toggle of AC and 16 accesses; a page mapped, used and unmapped with its INVLPG.");
        return text.ToString();
    }

    /// <summary>Nanoseconds a pair of memory calls, FastMmu's beside the kernel's.</summary>
    public static string MemoryTable(IReadOnlyList<Result> results, bool separate)
    {
        var text = new StringBuilder();
        if (separate) text.AppendLine();
        text.AppendLine("mm           fastmmu-linux          kernel  |kernel/fastmmu");
        foreach (IGrouping<string, Result> workload in results.GroupBy(r => r.Workload))
        {
            Result[] sides = [.. workload];
            text.Append(workload.Key.PadRight(10));
            foreach (Result side in sides) text.Append($"{side.Nanoseconds:0.0} ±{side.Spread / 2:0.0}".PadLeft(16));
            if (sides.Length == 1) text.Append("-".PadLeft(16));
            text.Append("  |").AppendLine((sides.Length == 2 ? $"{sides[1].Nanoseconds / sides[0].Nanoseconds:0.0}" : "-").PadLeft(14));
        }

        text.AppendLine("Nanoseconds a pair of calls (anonfault: a page): mmap and munmap of 64 KiB, brk up and down, mprotect that splits and one that merges.");
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
