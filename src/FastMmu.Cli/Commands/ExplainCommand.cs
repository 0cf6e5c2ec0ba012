using System.CommandLine;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu explain ADDRESS... --image DIR</c>, or <c>--exec [PROGRAM]</c>: the whole way of an address, and what accesses to it would do.</summary>
internal static class ExplainCommand
{
    public static Command Create(ToolConsole console)
    {
        Argument<string[]> addresses = GuestOptions.Addresses();
        Option<string> image = GuestOptions.Image();
        var program = new Option<string?>("--exec")
        {
            Description = $"Instead of a recorded guest, a program just executed, with fixed addresses unless --seed is given; {ProgramChoice.Default} if not named, or a small program of the tool's own.",
            HelpName = "PROGRAM",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string> cr3 = GuestOptions.Cr3();
        Option<int?> cpl = GuestOptions.Cpl();
        Option<ulong?> seed = ProgramOptions.Seed("Randomise the addresses of --exec from this number.");
        Option<string> profile = ProgramOptions.Profile();
        Option<string?> kernel = KernelOption.Create("--kernel", "Which kernel runs the program of --exec:");
        Option<bool> json = SharedOptions.Json();
        var command = new Command(
            "explain",
            "Follow an address of a recorded guest, or of a program just executed: selector, descriptor, linear address, area, every table entry, physical address, and what each access would do.")
        {
            addresses, image, program, cr3, cpl, seed, profile, kernel, json,
        };
        command.Validators.Add(result =>
        {
            bool Given(Option option) => result.GetResult(option) is { Implicit: false };
            if (Given(image) == Given(program)) result.AddError(Given(image) ? "--image and --exec exclude each other." : "Whose address? Give --image DIR or --exec [PROGRAM].");
            else if (Given(program) && (Given(cr3) || Given(cpl))) result.AddError("--cr3 and --cpl are for --image.");
            else if (Given(image) && (Given(seed) || Given(profile) || Given(kernel))) result.AddError("--seed, --profile and --kernel are for --exec.");
        });
        command.SetAction(parsed =>
        {
            string[] asked = parsed.GetRequiredValue(addresses);
            AddressOperand[] operands = [.. asked.Select(AddressOperand.Parse)];
            List<Explanation> explanations = parsed.GetValue(image) is string directory
                ? OfGuest(console, operands, asked, directory, parsed.GetValue(cr3), parsed.GetValue(cpl))
                : OfProgram(
                    console, operands, asked, parsed.GetValue(program), KernelOption.KindOf(parsed.GetValue(kernel) ?? KernelOption.Usual),
                    parsed.GetValue(seed) is ulong number ? AslrSeed.From(number) : AslrSeed.Off, ProgramOptions.ProfileOf(parsed.GetRequiredValue(profile)));
            return Write(console, explanations, parsed.GetValue(json));
        });
        return command;
    }

    private static List<Explanation> OfGuest(ToolConsole console, AddressOperand[] operands, string[] addresses, string image, string? cr3, int? cpl)
    {
        ulong? root = cr3 is null ? null : AddressOperand.ParseLinear(cr3);
        using RecordedGuest guest = LongWork.Run(console, image, work => RecordedGuest.Load(image, work));
        var explanations = new List<Explanation>(operands.Length);
        for (int i = 0; i < operands.Length; i++)
        {
            // Loading a selector changes the segment registers; every address starts from the guest's own.
            using var processor = GuestProcessor.Create(guest, root, cpl);
            explanations.Add(new Explainer(processor).Explain(operands[i], addresses[i]));
        }

        return explanations;
    }

    private static List<Explanation> OfProgram(
        ToolConsole console, AddressOperand[] operands, string[] addresses, string? path, KernelKind kernel, AslrSeed aslr, KernelProfile profile)
    {
        ProgramChoice program = ProgramChoice.Of(path, kernel);
        if (Array.FindIndex(operands, o => !o.IsLinear) is >= 0 and int logical)
        {
            throw new InputException($"'{addresses[logical]}' goes through a segment; a program just executed has flat ones, give a linear address");
        }

        return LongWork.Run(console, program.Path, _ =>
        {
            using var machine = new ProgramMachine(program, [program.Path], profile, aslr, kernel);
            var explainer = new ProgramExplainer(machine);
            return operands.Select((operand, i) => explainer.Explain(operand.Offset, addresses[i])).ToList();
        });
    }

    private static int Write(ToolConsole console, List<Explanation> explanations, bool asJson)
    {
        if (asJson)
        {
            console.WriteJson(json =>
            {
                json.WriteStartArray();
                foreach (Explanation explanation in explanations) ExplanationJson.Write(json, explanation);
                json.WriteEndArray();
            });
            return ExitCode.Success;
        }

        for (int i = 0; i < explanations.Count; i++)
        {
            if (i > 0) console.Output.WriteLine();
            ExplanationText.Write(console, explanations[i]);
        }

        return ExitCode.Success;
    }
}
