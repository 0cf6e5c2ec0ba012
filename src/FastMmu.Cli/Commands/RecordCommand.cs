using System.CommandLine;
using FastMmu.Cli.Replay;
using FastMmu.Cli.Text;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu record TRACE FILE</c>: a memory trace made a recording.</summary>
internal static class RecordCommand
{
    public static Command Create(ToolConsole console)
    {
        var trace = new Argument<string>("TRACE") { Description = "The text of valgrind's --tool=lackey --trace-mem=yes, plain or gzip; or a recording." };
        var file = new Argument<string>("FILE") { Description = "The recording; a file that is there is replaced, once the new one is complete." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("record", "Make a program's memory trace a recording: compact, quick to read, and with a sum that finds damage. fastmmu replay takes it.") { trace, file, json };
        command.SetAction(parsed =>
        {
            (string from, string to) = (parsed.GetRequiredValue(trace), parsed.GetRequiredValue(file));
            TraceRecording made = LongWork.Run(console, Path.GetFileName(from), work => TraceRecording.Make(from, to, work));
            if (parsed.GetValue(json)) Write(console, from, to, made);
            else console.Output.WriteLine($"{to}: {Quantity.Count(made.Accesses)} accesses in {Quantity.Bytes((ulong)made.Bytes)}");
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(ToolConsole console, string from, string to, TraceRecording made) => console.WriteJson(json =>
    {
        json.WriteStartObject();
        json.WriteString("trace", from);
        json.WriteString("file", to);
        json.WriteNumber("accesses", made.Accesses);
        json.WriteNumber("bytes", made.Bytes);
        json.WriteEndObject();
    });
}
