using System.CommandLine;
using System.Text.Json;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Processor;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu verify image DIR...</c>: compares the engine with everything that was recorded of some guests.</summary>
internal static class VerifyImageCommand
{
    public static Command Create(ToolConsole console)
    {
        Argument<string[]> directories = GuestOptions.Directories();
        Option<int> limit = GuestOptions.Limit();
        Option<string[]> without = GuestOptions.WithoutQuirk();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("image", "Compare the engine with recorded guests; the last line counts the answers. Exit code 0: all agree, 1: some do not, 2: a folder cannot be used.")
        {
            directories, limit, without, json,
        };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(directories), parsed.GetValue(json), parsed.GetValue(limit), GuestOptions.QuirksOf(parsed.GetValue(without))));
        return command;
    }

    private static int Run(ToolConsole console, string[] directories, bool asJson, int limit, ImageQuirks quirks)
    {
        var guests = new List<(string Directory, PagingMode Mode, GuestVerdict Verdict)>();
        foreach (string directory in directories)
        {
            (PagingMode mode, GuestVerdict verdict) = LongWork.Run(console, directory, work =>
            {
                using RecordedGuest guest = RecordedGuest.Load(directory, work);
                return (guest.Mode, ImageJudge.Compare(guest, quirks, limit, work));
            });
            if (verdict.Tallies.Count == 0) throw new InputException($"{directory}: holds no recorded answers, nothing can be compared");
            guests.Add((directory, mode, verdict));
            if (asJson) continue;
            console.Output.WriteLine(console.Paint($"{directory}: {TableNames.Of(mode)} paging", Ink.Bold));
            VerdictText.Write(console, verdict);
            console.Flush();
        }

        long compared = guests.Sum(g => g.Verdict.Checked), mismatched = guests.Sum(g => g.Verdict.Mismatched);
        if (asJson)
        {
            console.WriteJson(json =>
            {
                json.WriteStartObject();
                json.WriteNumber("checked", compared);
                json.WriteNumber("mismatched", mismatched);
                json.WriteStartArray("guests");
                foreach ((string directory, PagingMode mode, GuestVerdict verdict) in guests) WriteGuest(json, directory, mode, verdict);
                json.WriteEndArray();
                json.WriteEndObject();
            });
        }
        else
        {
            if (guests.Count > 1) WriteModes(console, guests);
            console.Output.WriteLine($"{compared} checked, {mismatched} mismatched");
        }

        return mismatched == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }

    private static void WriteModes(ToolConsole console, List<(string Directory, PagingMode Mode, GuestVerdict Verdict)> guests)
    {
        console.Output.WriteLine(console.Paint("by paging mode", Ink.Bold));
        foreach (IGrouping<PagingMode, GuestVerdict> mode in guests.GroupBy(g => g.Mode, g => g.Verdict).OrderBy(g => g.Key))
        {
            console.Output.WriteLine($"  {TableNames.Of(mode.Key),-16} {mode.Sum(v => v.Checked),9} checked {mode.Sum(v => v.Mismatched),9} mismatched");
        }
    }

    private static void WriteGuest(Utf8JsonWriter json, string directory, PagingMode mode, GuestVerdict verdict)
    {
        json.WriteStartObject();
        json.WriteString("directory", directory);
        json.WriteString("pagingMode", TableNames.Of(mode));
        VerdictText.WriteJson(json, verdict);
        json.WriteEndObject();
    }
}
