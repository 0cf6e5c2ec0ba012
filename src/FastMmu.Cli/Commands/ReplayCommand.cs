using System.CommandLine;
using FastMmu.Addresses;
using FastMmu.Cli.Replay;
using FastMmu.Tlb;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu replay TRACE</c>: a program's memory trace through page tables made for it.</summary>
internal static class ReplayCommand
{
    public static Command Create(ToolConsole console)
    {
        var trace = new Argument<string>("TRACE")
        {
            Description = "The text of valgrind's --tool=lackey --trace-mem=yes, plain or gzip; or a recording (fastmmu record).",
        };
        trace.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith('-') && !File.Exists(t.Value)) is { } unknown) result.AddError($"Unrecognized option '{unknown.Value}'.");
        });
        string[] presets = [.. Enum.GetNames<TlbPreset>().Select(name => name.ToLowerInvariant())];
        var tlb = new Option<string>("--tlb")
        {
            Description = "Whose TLB counts hits and misses, and serves the uncounted replays behind the fast table; none walks the tables every time.",
            HelpName = "PRESET",
            DefaultValueFactory = _ => nameof(TlbPreset.Zen4).ToLowerInvariant(),
        };
        tlb.AcceptOnlyFromAmong(presets);
        var large = new Option<bool>("--large-pages") { Description = "Map everything by pages of 2 MiB. A page size that the TLB does not hold always misses." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command(
            "replay",
            "Replay a program's memory trace through page tables made for it: hits and misses of each TLB level, walks, working set, time. "
            + "Three virtual CPUs get the same accesses: one that counts, one that translates one at a time as fast as it can, and one that gets them in batches.")
        {
            trace, tlb, large, json,
        };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(trace), parsed.GetValue(json),
            new ReplayOptions(
                Enum.Parse<TlbPreset>(parsed.GetRequiredValue(tlb), ignoreCase: true), parsed.GetValue(large) ? PageSize.Size2M : PageSize.Size4K)));
        return command;
    }

    private static int Run(ToolConsole console, string trace, bool json, ReplayOptions options)
    {
        ReplayReport report = LongWork.Run(console, Path.GetFileName(trace), work => TraceReplay.Run(trace, options, work));
        if (json) ReplayJson.Write(console, report);
        else ReplayText.Write(console, report);
        return ExitCode.Success;
    }
}
