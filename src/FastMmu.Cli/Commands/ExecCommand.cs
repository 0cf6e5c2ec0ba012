using System.CommandLine;
using System.Security.Cryptography;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu exec [PROGRAM [ARGS...]]</c>: lays a program out as execve does, touches all of it, translates every page.</summary>
internal static class ExecCommand
{
    public static Command Create(ToolConsole console)
    {
        var program = new Argument<string[]>("PROGRAM")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = $"The program and its arguments, behind -- where one begins with a dash; {ProgramChoice.Default} if not given, or a small program of the tool's own where that is none.",
        };
        var fixedAddresses = new Option<bool>("--no-aslr") { Description = "Do not randomise addresses." };
        Option<ulong?> seed = ProgramOptions.Seed("Randomise addresses from this number; by default from one drawn at random.");
        Option<string> profile = ProgramOptions.Profile();
        Option<string?> kernel = KernelOption.CreateWithUser("--kernel", "Which kernel runs it, 64-bit ones 32-bit programs too:");
        Option<bool> json = SharedOptions.Json();
        var command = new Command(
            "exec", "Lay a program out as execve does: areas, limits, auxiliary vector, counters; touch every page through the fault handler; translate every mapped page.")
        {
            fixedAddresses, seed, profile, kernel, json, program,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(fixedAddresses) && result.GetResult(seed) is { Implicit: false }) result.AddError("--no-aslr and --seed exclude each other.");
        });
        command.SetAction(parsed => Run(
            console, parsed.GetValue(program) ?? [], parsed.GetValue(fixedAddresses) ? AslrSeed.Off : AslrSeed.From(parsed.GetValue(seed) ?? Draw()),
            ProgramOptions.ProfileOf(parsed.GetRequiredValue(profile)), KernelOption.KindOf(parsed.GetValue(kernel) ?? KernelOption.Usual), parsed.GetValue(json)));
        return command;
    }

    // Short enough to be typed again.
    private static ulong Draw() => (ulong)RandomNumberGenerator.GetInt32(1_000_000);

    private static int Run(ToolConsole console, string[] arguments, AslrSeed aslr, KernelProfile profile, KernelKind kernel, bool asJson)
    {
        ProgramChoice program = ProgramChoice.Of(arguments.FirstOrDefault(), kernel);
        if (arguments.Length == 0) arguments = [program.Path];
        ProgramReport report = LongWork.Run(console, program.Path, _ => ProgramRunner.Run(program, arguments, profile, kernel, aslr));
        if (asJson) console.WriteJson(json => ProgramReportJson.Write(json, report));
        else ProgramReportText.Write(console, report);
        return report.Wrong == 0 ? ExitCode.Success : ExitCode.Mismatch;
    }
}
