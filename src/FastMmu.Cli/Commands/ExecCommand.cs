using System.CommandLine;
using System.Security.Cryptography;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu exec [PROGRAM [ARGS...]]</c>: lays a program out as execve does, touches all of it, translates every page.</summary>
internal static class ExecCommand
{
    private const string Default = "/bin/true";

    private static readonly KernelProfile[] Profiles = [KernelProfile.V5, KernelProfile.V6_12, KernelProfile.V6_18, KernelProfile.V7_2];

    public static Command Create(ToolConsole console)
    {
        var program = new Argument<string[]>("PROGRAM")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = $"The program and its arguments, behind -- where one begins with a dash; {Default} if not given, or a small program of the tool's own where that is none.",
        };
        var fixedAddresses = new Option<bool>("--no-aslr") { Description = "Do not randomise addresses." };
        var seed = new Option<ulong?>("--seed") { Description = "Randomise addresses from this number; by default from one drawn at random.", HelpName = "N" };
        var profile = new Option<string>("--profile") { Description = "The kernel's release.", DefaultValueFactory = _ => KernelProfile.V6_18.Name };
        profile.AcceptOnlyFromAmong([.. Profiles.Select(p => p.Name)]);
        Option<bool> json = SharedOptions.Json();
        var command = new Command(
            "exec", "Lay a program out as execve does: areas, limits, auxiliary vector, counters; touch every page through the fault handler; translate every mapped page.")
        {
            fixedAddresses, seed, profile, json, program,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(fixedAddresses) && result.GetResult(seed) is { Implicit: false }) result.AddError("--no-aslr and --seed exclude each other.");
        });
        command.SetAction(parsed => Run(
            console, parsed.GetValue(program) ?? [], parsed.GetValue(fixedAddresses) ? AslrSeed.Off : AslrSeed.From(parsed.GetValue(seed) ?? Draw()),
            Profiles.Single(p => p.Name == parsed.GetValue(profile)), parsed.GetValue(json)));
        return command;
    }

    // Short enough to be typed again.
    private static ulong Draw() => (ulong)RandomNumberGenerator.GetInt32(1_000_000);

    private static int Run(ToolConsole console, string[] arguments, AslrSeed aslr, KernelProfile profile, bool asJson)
    {
        IProgramFiles files = new HostPrograms();
        if (arguments.Length == 0)
        {
            bool isThere = files.Open(Default, out ProgramFile? found) == 0 && IsElf(found!);
            if (!isThere)
            {
                var sample = new ProgramSet();
                sample.Add(SampleProgram.Path, new ProgramFile(SampleProgram.Path, SampleProgram.Create()));
                files = sample;
            }

            arguments = [isThere ? Default : SampleProgram.Path];
        }

        ProgramReport report = LongWork.Run(console, arguments[0], _ => ProgramRunner.Run(arguments[0], arguments, files, profile, aslr));
        if (asJson) console.WriteJson(json => ProgramReportJson.Write(json, report));
        else ProgramReportText.Write(console, report);
        return report.Wrong == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }

    private static bool IsElf(ProgramFile file)
    {
        ReadOnlySpan<byte> content = file.Content.Span;
        if (content.Length < ElfHeader.Bytes64 || !ElfHeader.HasMagic(content)) return false;
        ElfHeader header = ElfHeader.Read(content, is32Bit: false);
        return header.IsFor(is32Bit: false) || header.IsFor(is32Bit: true);
    }
}
