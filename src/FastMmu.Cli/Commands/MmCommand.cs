using System.CommandLine;
using System.Text.Json;
using FastMmu.Cli.MmTraces;
using FastMmu.Cli.MmTraces.Scripts;
using FastMmu.Cli.Programs;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu mm SCRIPT</c>: runs a script of memory calls and shows what each one changes.</summary>
internal static class MmCommand
{
    public static Command Create(ToolConsole console)
    {
        var script = new Argument<string>("SCRIPT") { Description = "Lines such as `mmap 0 16p 3 34 -1 0`, under `scenario NAME` lines if there are several; or a recorded trace." };
        var scenario = new Option<string?>("--scenario") { Description = "Run only scenarios whose name contains this." };
        Option<string?> kernel = KernelOption.CreateWithUser("--kernel", "Put this kernel's half into the page tables of its tasks; without it there are four levels and no kernel's half:");
        Option<bool> json = SharedOptions.Json();
        var command = new Command("mm", "Run a script of memory calls on a fresh process; after each, what changed in its areas and counters.") { script, scenario, kernel, json };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(script), parsed.GetValue(scenario), KernelOption.KindOf(parsed.GetValue(kernel)), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string path, string? name, KernelKind kernel, bool asJson)
    {
        List<Scenario> scenarios = [.. ScriptParser.Read(path, !kernel.Is64Bit).Where(s => name is null || s.Name.Contains(name, StringComparison.Ordinal))];
        if (scenarios.Count == 0) throw new InputException($"{path}: no scenario's name contains '{name}'");
        if (asJson)
        {
            console.WriteJson(json =>
            {
                json.WriteStartArray();
                foreach (Scenario scenario in scenarios) WriteJson(json, scenario, path, kernel);
                json.WriteEndArray();
            });
            return ExitCode.Success;
        }

        foreach (Scenario scenario in scenarios)
        {
            using var runner = new ScriptRunner(scenario, path, kernel);
            if (scenario.Name.Length > 0) console.Output.WriteLine(console.Paint($"scenario {scenario.Name}", Ink.Bold));
            foreach (TraceArea area in runner.Areas) console.Output.WriteLine($"    {area}");
            foreach (ScriptStep step in runner.Run()) Print(console, step);
            console.Flush();
        }

        return ExitCode.Success;
    }

    private static void Print(ToolConsole console, ScriptStep step)
    {
        console.Output.WriteLine(console.Paint($"{step.Command.Text} = {step.Answer.Result}{Found(step)}", Ink.Bold));
        foreach (ProcessChange change in step.Changes)
        {
            string who = change.Process == step.Command.Process ? "" : $"p{change.Process} ";
            foreach (TraceArea area in change.Removed) console.Output.WriteLine(console.Paint($"  {who}- {area}", Ink.Red));
            foreach (TraceArea area in change.Added) console.Output.WriteLine(console.Paint($"  {who}+ {area}", Ink.Green));
            if (change.Counters.Count > 0) console.Output.WriteLine($"  {who}" + string.Join(", ", change.Counters.Select(c => $"{c.Counter} {c.Before} -> {c.After}")));
        }
    }

    private static string Found(ScriptStep step)
    {
        if (step.Answer.ReadByte >= 0) return $" (0x{step.Answer.ReadByte:x2})";
        if (step.Answer.Pages is not { } pages) return "";
        return step.Op.Call == TraceCall.Mincore ? $" [{string.Concat(pages)}]" : $" [{string.Join(' ', pages)}]";
    }

    private static void WriteJson(Utf8JsonWriter json, Scenario scenario, string path, KernelKind kernel)
    {
        using var runner = new ScriptRunner(scenario, path, kernel);
        json.WriteStartObject();
        json.WriteString("scenario", scenario.Name);
        json.WriteNumber("line", scenario.Line);
        WriteAreas(json, "areas", runner.Areas);
        json.WriteStartArray("calls");
        foreach (ScriptStep step in runner.Run())
        {
            json.WriteStartObject();
            json.WriteNumber("line", step.Command.Line);
            json.WriteNumber("process", step.Command.Process);
            json.WriteString("call", CallText.Of(step.Op));
            json.WriteString("result", step.Answer.Result.ToString());
            if (step.Answer.ReadByte >= 0) json.WriteNumber("byte", step.Answer.ReadByte);
            if (step.Answer.Pages is { } pages)
            {
                json.WriteStartArray("pages");
                foreach (long page in pages) json.WriteNumberValue(page);
                json.WriteEndArray();
            }

            json.WriteStartArray("changes");
            foreach (ProcessChange change in step.Changes)
            {
                json.WriteStartObject();
                json.WriteNumber("process", change.Process);
                WriteAreas(json, "removed", change.Removed);
                WriteAreas(json, "added", change.Added);
                json.WriteStartObject("counters");
                foreach ((TraceCounter counter, long before, long after) in change.Counters)
                {
                    json.WriteStartArray(counter.ToString());
                    json.WriteNumberValue(before);
                    json.WriteNumberValue(after);
                    json.WriteEndArray();
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteAreas(Utf8JsonWriter json, string name, IReadOnlyList<TraceArea> areas)
    {
        json.WriteStartArray(name);
        foreach (TraceArea area in areas)
        {
            json.WriteStartObject();
            json.WriteString("start", $"0x{area.Start:x}");
            json.WriteString("end", $"0x{area.End:x}");
            json.WriteString("permissions", VmFlagCodes.Permissions(area.Permissions));
            json.WriteString("offset", $"0x{area.Offset:x}");
            json.WriteString("name", area.Name);
            json.WriteString("flags", VmFlagCodes.Text(area.Flags));
            json.WriteNumber("rss", area.Rss);
            json.WriteNumber("anonymous", area.Anonymous);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
