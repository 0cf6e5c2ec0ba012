using System.CommandLine;
using FastMmu.Cli.Recorded;
using FastMmu.Cli.Text;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu verify vectors FILE...</c>: puts recorded rows to the engine and compares.</summary>
internal static class VerifyVectorsCommand
{
    private static readonly (string Name, Quirks Quirk, string Meaning)[] QuirkNames =
    [
        ("rmw-accessed", Quirks.RmwAccessed, "a read-modify-write refused at CPL 0 has set A in all its entries (KVM's emulator)"),
        ("wrap-4g", Quirks.Wrap4G, "an access past 4 GiB in a segment up to FFFFFFFF wraps (KVM's emulator)"),
        ("amd-pdpt-bit8", Quirks.AmdPdptBit8, "vendor A reserves bit 8 in PDPT entries too (AMD's manual)"),
    ];

    public static Command Create(ToolConsole console)
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Recorded rows, plain or gzip: paging, segment or page-pair, told by the columns.",
        };
        files.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith('-') && !File.Exists(t.Value)) is { } unknown) result.AddError($"Unrecognized option '{unknown.Value}'.");
        });
        var limit = new Option<int>("--limit") { Description = "How many mismatches of a file are shown.", DefaultValueFactory = _ => 10 };
        limit.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int number) && number < 0) result.AddError("--limit must not be negative.");
        });
        var quirks = new Option<string[]>("--quirk")
        {
            Description = "Accept a deviation of the answerer: " + string.Join("; ", QuirkNames.Select(q => $"{q.Name}: {q.Meaning}")) + ".",
            HelpName = "NAME",
        };
        quirks.AcceptOnlyFromAmong([.. QuirkNames.Select(q => q.Name)]);
        Option<bool> json = SharedOptions.Json();

        var command = new Command("vectors", "Put recorded rows to the engine; the last line counts them. Exit code 0: all agree, 1: some do not, 2: a file cannot be used.")
        {
            files, limit, quirks, json,
        };
        command.SetAction(parsed => Run(console, parsed.GetRequiredValue(files), parsed.GetValue(json), new VectorOptions
        {
            MismatchLimit = parsed.GetValue(limit),
            Quirks = QuirkNames.Where(q => (parsed.GetValue(quirks) ?? []).Contains(q.Name)).Aggregate(Quirks.None, (all, q) => all | q.Quirk),
        }));
        return command;
    }

    private static int Run(ToolConsole console, string[] files, bool json, VectorOptions options)
    {
        var reports = new List<VectorReport>();
        foreach (string file in files)
        {
            VectorReport report = LongWork.Run(console, Path.GetFileName(file), work => VectorFile.Verify(file, options, work));
            reports.Add(report);
            if (json) continue;
            Print(console, report);
            console.Flush();
        }

        long rows = reports.Sum(r => r.Checked), mismatched = reports.Sum(r => r.Mismatched);
        if (json) WriteJson(console, reports, rows, mismatched);
        else console.Output.WriteLine($"{rows} checked, {mismatched} mismatched");
        return mismatched == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }

    private static void Print(ToolConsole console, VectorReport report)
    {
        console.Output.WriteLine(console.Paint($"{report.Path}: {report.Format} rows", Ink.Bold));
        foreach (((string mode, string kind), VectorCount count) in report.Counts)
        {
            string line = $"  {mode,-20} {kind,-18} {count.Checked,9} checked {count.Mismatched,9} mismatched";
            console.Output.WriteLine(console.Paint(line, count.Mismatched == 0 ? Ink.Plain : Ink.Red));
        }

        foreach (VectorMismatch mismatch in report.Mismatches)
        {
            console.Output.WriteLine($"  {report.Path}:{mismatch.Line}: row {mismatch.Id} ({mismatch.Mode}, {mismatch.Kind})");
            foreach (string difference in mismatch.Differences) console.Output.WriteLine($"    {difference}");
        }

        if (report.Mismatched > report.Mismatches.Count) console.Output.WriteLine($"  and {report.Mismatched - report.Mismatches.Count} more");
    }

    private static void WriteJson(ToolConsole console, List<VectorReport> reports, long rows, long mismatched) => console.WriteJson(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("checked", rows);
        json.WriteNumber("mismatched", mismatched);
        json.WriteStartArray("files");
        foreach (VectorReport report in reports)
        {
            json.WriteStartObject();
            json.WriteString("path", report.Path);
            json.WriteString("format", report.Format);
            json.WriteNumber("checked", report.Checked);
            json.WriteNumber("mismatched", report.Mismatched);
            json.WriteStartArray("counts");
            foreach (((string mode, string kind), VectorCount count) in report.Counts)
            {
                json.WriteStartObject();
                json.WriteString("mode", mode);
                json.WriteString("kind", kind);
                json.WriteNumber("checked", count.Checked);
                json.WriteNumber("mismatched", count.Mismatched);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("mismatches");
            foreach (VectorMismatch mismatch in report.Mismatches)
            {
                json.WriteStartObject();
                json.WriteNumber("line", mismatch.Line);
                json.WriteString("id", mismatch.Id);
                json.WriteString("mode", mismatch.Mode);
                json.WriteString("kind", mismatch.Kind);
                json.WriteStrings("differences", mismatch.Differences);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });
}
