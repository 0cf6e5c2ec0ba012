using System.CommandLine;
using System.Text.Json;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.Text;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu verify mm FILE...</c>: replays recorded memory calls of a kernel and compares.</summary>
internal static class VerifyMmCommand
{
    private static readonly (string Name, SkippedComparisons Skip, string Meaning)[] SkipNames =
    [
        ("fault-around", SkippedComparisons.FaultAround, "how many pages of files are resident"),
        ("vmpte", SkippedComparisons.TableBytes, "the size of the page tables"),
        ("vmpeak", SkippedComparisons.Peak, "the greatest size of the address space"),
        ("resident", SkippedComparisons.Resident, "everything about resident pages and page tables"),
    ];

    public static Command Create(ToolConsole console)
    {
        var files = new Argument<string[]>("FILE") { Arity = ArgumentArity.OneOrMore, Description = "Recorded traces, plain or gzip." };
        files.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith('-') && !File.Exists(t.Value)) is { } unknown) result.AddError($"Unrecognized option '{unknown.Value}'.");
        });
        var show = new Option<int>("--show") { Description = "Of how many traces of a file the first mismatch is shown.", DefaultValueFactory = _ => 10 };
        show.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int number) && number < 0) result.AddError("--show must not be negative.");
        });
        var level = new Option<int?>("--level") { Description = "Replay only traces of this level; 7 are the directed ones." };
        var id = new Option<string?>("--id") { Description = "Replay only traces whose name contains this." };
        var skip = new Option<string[]>("--skip")
        {
            Description = "Leave something out of the comparison: " + string.Join("; ", SkipNames.Select(s => $"{s.Name}: {s.Meaning}")) + ". How many lines differ in it is printed.",
            HelpName = "NAME",
        };
        skip.AcceptOnlyFromAmong([.. SkipNames.Select(s => s.Name)]);
        Option<string?> kernel = KernelOption.CreateWithUser("--kernel", "Put this kernel's half into the page tables of its tasks; the recordings are of x86_64:");
        var time = new Option<bool>("--time") { Description = "Say how many calls a second were replayed, the comparison included and the reading of the file not." };
        Option<bool> json = SharedOptions.Json();

        var command = new Command("mm", "Replay recorded memory calls; the last line counts. Every line of a trace is checked: its start, each call and its end. Exit code 0: all agree, 1: some do not, 2: a file cannot be used.")
        {
            files, show, level, id, skip, kernel, time, json,
        };
        command.SetAction(parsed => Run(console, parsed.GetRequiredValue(files), parsed.GetValue(json), parsed.GetValue(time), new ReplayOptions
        {
            Shown = parsed.GetValue(show),
            Level = parsed.GetValue(level),
            Id = parsed.GetValue(id),
            Kernel = KernelOption.KindOf(parsed.GetValue(kernel)),
            Skipped = SkipNames.Where(s => (parsed.GetValue(skip) ?? []).Contains(s.Name)).Aggregate(SkippedComparisons.None, (all, s) => all | s.Skip),
        }));
        return command;
    }

    private static int Run(ToolConsole console, string[] files, bool asJson, bool time, ReplayOptions options)
    {
        var reports = new List<ReplayReport>();
        foreach (string file in files)
        {
            ReplayReport report = LongWork.Run(console, Path.GetFileName(file), work => TraceReplay.Verify(file, options, work));
            reports.Add(report);
            if (asJson) continue;
            Print(console, report);
            console.Flush();
        }

        long compared = reports.Sum(r => r.Checked), mismatched = reports.Sum(r => r.Mismatched);
        if (compared == 0) throw new InputException("no trace has the level and name asked for");
        if (asJson)
        {
            console.WriteJson(json => WriteJson(json, reports, options));
        }
        else
        {
            foreach ((string name, SkippedComparisons skip, string meaning) in SkipNames)
            {
                if ((options.Skipped & skip) != 0) console.Output.WriteLine($"skipped {name}: {meaning}; {reports.Sum(r => r.Skipped.GetValueOrDefault(skip))} lines differ in it");
            }

            if (time) PrintTime(console, reports);
            console.Output.WriteLine($"{compared} checked, {mismatched} mismatched");
        }

        return mismatched == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }

    private static void Print(ToolConsole console, ReplayReport report)
    {
        console.Output.WriteLine(console.Paint($"{report.Path}: {report.Traces} traces, {report.Calls} calls, {report.Diverged} traces diverge", Ink.Bold));
        foreach ((string kind, ReplayCount count) in report.Counts)
        {
            string first = count.First == 0 ? "" : $", {count.First} the first of their trace";
            console.Output.WriteLine(console.Paint($"  {kind,-18} {count.Checked,9} checked {count.Mismatched,9} mismatched{first}", count.Mismatched == 0 ? Ink.Plain : Ink.Red));
        }

        foreach (ReplayMismatch mismatch in report.Mismatches)
        {
            console.Output.WriteLine($"  {report.Path}:{mismatch.Line}: {mismatch.Trace}: {mismatch.What}");
            foreach (string difference in mismatch.Differences) console.Output.WriteLine($"    {difference}");
        }

        if (report.Diverged > report.Mismatches.Count) console.Output.WriteLine($"  and {report.Diverged - report.Mismatches.Count} more traces");
    }

    private static void PrintTime(ToolConsole console, List<ReplayReport> reports)
    {
        long calls = reports.Sum(r => r.Calls);
        double seconds = reports.Sum(r => r.Elapsed.TotalSeconds);
        console.Output.WriteLine($"{calls} calls in {seconds:0.000} s: {calls / seconds:0} calls a second");
    }

    private static void WriteJson(Utf8JsonWriter json, List<ReplayReport> reports, ReplayOptions options)
    {
        json.WriteStartObject();
        json.WriteNumber("checked", reports.Sum(r => r.Checked));
        json.WriteNumber("mismatched", reports.Sum(r => r.Mismatched));
        json.WriteStartObject("skipped");
        foreach ((string name, SkippedComparisons skip, _) in SkipNames)
        {
            if ((options.Skipped & skip) != 0) json.WriteNumber(name, reports.Sum(r => r.Skipped.GetValueOrDefault(skip)));
        }

        json.WriteEndObject();
        json.WriteStartArray("files");
        foreach (ReplayReport report in reports)
        {
            json.WriteStartObject();
            json.WriteString("path", report.Path);
            json.WriteNumber("traces", report.Traces);
            json.WriteNumber("calls", report.Calls);
            json.WriteNumber("diverged", report.Diverged);
            json.WriteNumber("checked", report.Checked);
            json.WriteNumber("mismatched", report.Mismatched);
            json.WriteNumber("seconds", report.Elapsed.TotalSeconds);
            json.WriteStartArray("counts");
            foreach ((string kind, ReplayCount count) in report.Counts)
            {
                json.WriteStartObject();
                json.WriteString("kind", kind);
                json.WriteNumber("checked", count.Checked);
                json.WriteNumber("mismatched", count.Mismatched);
                json.WriteNumber("first", count.First);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("mismatches");
            foreach (ReplayMismatch mismatch in report.Mismatches)
            {
                json.WriteStartObject();
                json.WriteNumber("line", mismatch.Line);
                json.WriteString("trace", mismatch.Trace);
                json.WriteString("what", mismatch.What);
                json.WriteStrings("differences", mismatch.Differences);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
