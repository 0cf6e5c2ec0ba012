using System.CommandLine;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Report;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu image DIR</c>: what machine this is, what is mapped where, and whether the engine agrees with every recorded answer.</summary>
internal static class ImageCommand
{
    public static Command Create(ToolConsole console)
    {
        var directory = new Argument<string>("DIR") { Description = "The folder of a recorded guest." };
        Option<string> cr3 = GuestOptions.Cr3();
        Option<int> limit = GuestOptions.Limit();
        Option<string[]> without = GuestOptions.WithoutQuirk();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("image", "Take the memory of a recorded machine apart: registers, descriptors, page tables, regions; translate every page and compare every recorded answer.")
        {
            directory, cr3, limit, without, json,
        };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(directory), parsed.GetValue(cr3), parsed.GetValue(limit), GuestOptions.QuirksOf(parsed.GetValue(without)),
            parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string directory, string? cr3, int limit, ImageQuirks quirks, bool asJson)
    {
        ulong? root = cr3 is null ? null : AddressOperand.ParseLinear(cr3);
        GuestReport report = LongWork.Run(console, directory, work => GuestReporter.Examine(directory, root, quirks, limit, work));
        if (asJson) console.WriteJson(json => GuestReportJson.Write(json, report));
        else GuestReportText.Write(console, report);
        return report.Verdict.Mismatched == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }
}
