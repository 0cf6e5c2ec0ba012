using System.CommandLine;
using FastMmu.Cli.ExecRecords;
using FastMmu.Cli.Programs;
using FastMmu.Cli.Text;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu verify exec DIR...</c>: executes recorded programs and compares everything before their first instruction.</summary>
internal static class VerifyExecCommand
{
    public static Command Create(ToolConsole console)
    {
        var folders = new Argument<string[]>("DIR")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Folders with exec.jsonl.gz, bins.tar.gz and the vdso images.",
        };
        var limit = new Option<int>("--limit") { Description = "How many mismatches of a folder are shown.", DefaultValueFactory = _ => 10 };
        limit.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int number) && number < 0) result.AddError("--limit must not be negative.");
        });
        var only = new Option<string?>("--case") { Description = "Only cases whose name contains this.", HelpName = "NAME" };
        Option<string?> kernel = KernelOption.CreateWithUser("--kernel", "Put this kernel's half into the page tables of its tasks; the recordings are of x86_64:");
        Option<bool> json = SharedOptions.Json();
        var command = new Command(
            "exec",
            "Execute recorded programs and compare result, registers, areas, counters, limits, auxiliary vector, stack and pages; the last line counts. Exit code 0: all agree, 1: some do not, 2: a file cannot be used.")
        {
            folders, limit, only, kernel, json,
        };
        command.SetAction(parsed => Run(console, parsed.GetRequiredValue(folders), parsed.GetValue(limit), parsed.GetValue(only), KernelOption.KindOf(parsed.GetValue(kernel)), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string[] folders, int limit, string? only, KernelKind kernel, bool asJson)
    {
        var reports = new List<ExecReport>();
        foreach (string folder in folders)
        {
            ExecReport report = LongWork.Run(console, folder, work => ExecReplay.Verify(folder, only, work, kernel));
            reports.Add(report);
            if (asJson) continue;
            Print(console, report, limit);
            console.Flush();
        }

        int compared = reports.Sum(r => r.Checked), mismatched = reports.Sum(r => r.Mismatches.Count);
        if (compared == 0) throw new InputException($"no case has '{only}' in its name");
        if (asJson) WriteJson(console, reports, compared, mismatched);
        else console.Output.WriteLine($"{compared} checked, {mismatched} mismatched");
        return mismatched == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }

    private static void Print(ToolConsole console, ExecReport report, int limit)
    {
        console.Output.WriteLine(console.Paint($"{report.Path}: {string.Join(", ", report.Outcomes.Select(o => $"{o.Value} {o.Key}"))}", Ink.Bold));
        console.Output.WriteLine($"  compared {string.Join(", ", report.Compared.Select(c => $"{c.Value} {c.Key}"))}");
        foreach (ExecMismatch mismatch in report.Mismatches.Take(limit))
        {
            console.Output.WriteLine(console.Paint($"  {report.Path}:{mismatch.Line}: {mismatch.Name}", Ink.Red));
            foreach (string difference in mismatch.Differences) console.Output.WriteLine($"    {difference}");
        }

        if (report.Mismatches.Count > limit) console.Output.WriteLine($"  and {report.Mismatches.Count - limit} more");
    }

    private static void WriteJson(ToolConsole console, List<ExecReport> reports, int compared, int mismatched) => console.WriteJson(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("checked", compared);
        json.WriteNumber("mismatched", mismatched);
        json.WriteStartArray("folders");
        foreach (ExecReport report in reports)
        {
            json.WriteStartObject();
            json.WriteString("path", report.Path);
            json.WriteNumber("checked", report.Checked);
            json.WriteNumber("mismatched", report.Mismatches.Count);
            json.WriteStartObject("results");
            foreach ((string result, int count) in report.Outcomes) json.WriteNumber(result, count);
            json.WriteEndObject();
            json.WriteStartObject("compared");
            foreach ((string kind, long count) in report.Compared) json.WriteNumber(kind, count);
            json.WriteEndObject();
            json.WriteStartArray("mismatches");
            foreach (ExecMismatch mismatch in report.Mismatches)
            {
                json.WriteStartObject();
                json.WriteNumber("line", mismatch.Line);
                json.WriteString("name", mismatch.Name);
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
