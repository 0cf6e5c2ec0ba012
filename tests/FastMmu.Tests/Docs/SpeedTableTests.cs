using System.Globalization;
using System.Text.Json;
using Xunit;

namespace FastMmu.Tests.Docs;

/// <summary>README's tables of speeds say what the recorded results say.</summary>
public class SpeedTableTests
{
    private const string Results = "bench/results/amd-epyc-zen4/native-compare.json";

    private static readonly (string Side, string Title)[] Columns =
    [
        ("fastmmu-scalar", "`TryTranslate`"),
        ("fastmmu-batch", "`TranslateBatch`"),
        ("cpp-qemu-style", "C++, QEMU's table"),
        ("cpp-walk", "C++, plain walk"),
        ("cpp-batch", "C++, best batch"),
        ("limit", "limit"),
    ];

    private static readonly (string Workload, string Title)[] Costs =
    [
        ("pcid-switch", "switch of address space by CR3 with PCID, then 64 pages"),
        ("invlpg-2m", "INVLPG inside a page of 2 MiB, then 64 other pages and one in it"),
        ("wrpkru16", "WRPKRU, then 16 accesses"),
        ("ac16", "AC toggled, then 16 accesses"),
        ("map-unmap", "a page mapped, used, unmapped and invalidated"),
    ];

    private static readonly (string Workload, string Title)[] Pairs =
    [
        ("mmap64k", "mmap and munmap of 64 KiB"),
        ("brk64k", "brk up and down by 64 KiB"),
        ("mprotect", "mprotect that splits an area and one that merges it"),
        ("anonfault", "a page touched for the first time"),
    ];

    [Fact]
    public void SpeedTable_InReadme_IsThatOfTheRecordedResults()
    {
        Dictionary<string, Dictionary<string, double>> recorded = Recorded();
        var lines = new List<string>
        {
            $"| workload | {string.Join(" | ", Columns.Select(c => c.Title))} |",
            $"|---|{string.Concat(Columns.Select(_ => "---:|"))}",
        };
        foreach ((string workload, Dictionary<string, double> ns) in recorded.Where(w => w.Value.ContainsKey("fastmmu-batch")))
        {
            lines.Add($"| {workload} | {string.Join(" | ", Columns.Select(c => Number(ns[c.Side], "0.00")))} |");
        }

        AssertInReadme(lines);
    }

    [Fact]
    public void CostTable_InReadme_IsThatOfTheRecordedResults()
    {
        Dictionary<string, Dictionary<string, double>> recorded = Recorded();
        var lines = new List<string> { "| event | FastMmu | C++, QEMU's table and rules |", "|---|---:|---:|" };
        foreach ((string workload, string title) in Costs)
        {
            Dictionary<string, double> ns = recorded[workload];
            lines.Add($"| {title} | {Number(ns["fastmmu-scalar"], "0")} | {Number(ns["cpp-qemu-style"], "0")} |");
        }

        AssertInReadme(lines);
    }

    [Fact]
    public void CallTable_InReadme_IsThatOfTheRecordedResults()
    {
        Dictionary<string, Dictionary<string, double>> recorded = Recorded();
        var lines = new List<string> { "| pair of calls | FastMmu | the kernel | ratio |", "|---|---:|---:|---:|" };
        foreach ((string workload, string title) in Pairs)
        {
            double ours = recorded[workload]["fastmmu-linux"], kernels = recorded[workload]["kernel"];
            lines.Add($"| {title} | {Number(ours, "0")} | {Number(kernels, "0")} | {Number(kernels / ours, "0.0")} |");
        }

        AssertInReadme(lines);
    }

    private static void AssertInReadme(List<string> lines)
    {
        string readme = File.ReadAllText(System.IO.Path.Combine(RepositoryRoot.Path, "README.md"));
        string expected = string.Join('\n', lines) + "\n";
        Assert.Contains(Results, readme, StringComparison.Ordinal);
        Assert.True(readme.Contains(expected, StringComparison.Ordinal), $"README.md should contain:\n{expected}");
    }

    private static Dictionary<string, Dictionary<string, double>> Recorded()
    {
        using JsonDocument recorded = JsonDocument.Parse(File.ReadAllText(System.IO.Path.Combine(RepositoryRoot.Path, Results)));
        return recorded.RootElement.EnumerateArray().GroupBy(e => e.GetProperty("workload").GetString()!)
            .ToDictionary(w => w.Key, w => w.ToDictionary(e => e.GetProperty("side").GetString()!, e => e.GetProperty("ns").GetDouble()));
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
