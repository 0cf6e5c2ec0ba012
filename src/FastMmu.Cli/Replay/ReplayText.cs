using System.Globalization;
using FastMmu.Addresses;
using FastMmu.Cli.Text;
using FastMmu.Processor;
using FastMmu.Tlb;
using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>A replay's report for people.</summary>
internal static class ReplayText
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public static void Write(ToolConsole console, ReplayReport report)
    {
        TextWriter output = console.Output;
        output.WriteLine(console.Paint($"{report.Path}: {Quantity.Count(report.Accesses)} accesses", Ink.Bold));
        var kinds = new TextTable("", ">", ">");
        kinds.Add("fetches", Quantity.Count(report[TraceAccessKind.Fetch]), Share(report[TraceAccessKind.Fetch], report.Accesses));
        kinds.Add("loads", Quantity.Count(report[TraceAccessKind.Load]), Share(report[TraceAccessKind.Load], report.Accesses));
        kinds.Add("stores", Quantity.Count(report[TraceAccessKind.Store]), Share(report[TraceAccessKind.Store], report.Accesses));
        kinds.Add("modifies", Quantity.Count(report[TraceAccessKind.Modify]), Share(report[TraceAccessKind.Modify], report.Accesses));
        kinds.Write(console);
        output.WriteLine($"  {Quantity.Count(report.Translations - report.Accesses)} cross a page: {Quantity.Count(report.Translations)} translations");
        if (report.Refused > 0) output.WriteLine(console.Paint($"  {Quantity.Count(report.Refused)} translations refused: the address is not canonical", Ink.Yellow));

        output.WriteLine();
        output.WriteLine(console.Paint("Working set", Ink.Bold));
        ulong bytes = (ulong)report.Pages * report.Options.PageSize.Bytes();
        output.WriteLine($"  {Quantity.Count(report.Pages)} pages of {report.Options.PageSize.Name()}, {Quantity.Bytes(bytes)}: "
            + $"{Quantity.Count(report.PagesOf(Access.Execute))} executed, {Quantity.Count(report.PagesOf(Access.Read))} read, "
            + $"{Quantity.Count(report.PagesOf(Access.Write))} written; page tables {Quantity.Bytes((ulong)report.TableBytes)}");

        output.WriteLine();
        WriteTlb(console, report);

        output.WriteLine();
        output.WriteLine(console.Paint("Time", Ink.Bold));
        var times = new TextTable("", ">");
        times.Add("counting, with that TLB", Nanoseconds(report.CountedNanoseconds));
        times.Add("one at a time", Nanoseconds(report.ScalarNanoseconds));
        times.Add("in batches", Nanoseconds(report.BatchNanoseconds));
        times.Write(console);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {report.AccessesPerSecond / 1e6:0.0} million accesses a second in {Quantity.Time(report.Elapsed)}, reading and all three replays included"));
        if (report.Elapsed < WarmUp) output.WriteLine(console.Paint("  a trace this short is over before the runtime has compiled its loops for speed", Ink.Dim));
    }

    private static void WriteTlb(ToolConsole console, ReplayReport report)
    {
        MmuStatistics counted = report.Counted;
        console.Output.WriteLine(console.Paint($"TLB of {report.Options.Tlb}", Ink.Bold));
        var levels = new TextTable("level", "pages", "kind", ">hits", ">", ">misses", ">");
        foreach (ReplayLevel level in report.Levels())
        {
            long hits = (long)level.Hits, misses = (long)level.Misses;
            levels.Add(
                $"L{level.Level}", level.Pages.Name(), level.Kind == TlbAccess.Instruction ? "fetch" : "data",
                Quantity.Count(hits), Share(hits, hits + misses), Quantity.Count(misses), Share(misses, hits + misses));
        }

        if (levels.Count > 0) levels.Write(console);
        double each = counted.Walks == 0 ? 0 : (double)counted.EntriesRead / counted.Walks;
        console.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {Quantity.Count((long)counted.Walks)} walks read {Quantity.Count((long)counted.EntriesRead)} entries, {each:0.0} each; "
                + $"{Quantity.Count((long)counted.PagingStructureHits)} began below the root"));
    }

    private static string Share(long part, long whole) =>
        whole == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.00} %");

    private static string Nanoseconds(double each) => string.Create(CultureInfo.InvariantCulture, $"{each:0.00} ns a translation");
}
