using System.CommandLine;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu explain ADDRESS... --image DIR</c>: the whole way of an address, and what accesses to it would do.</summary>
internal static class ExplainCommand
{
    public static Command Create(ToolConsole console)
    {
        Argument<string[]> addresses = GuestOptions.Addresses();
        Option<string> image = GuestOptions.Image();
        image.Required = true;
        Option<string> cr3 = GuestOptions.Cr3();
        Option<int?> cpl = GuestOptions.Cpl();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("explain", "Follow an address of a recorded guest: selector, descriptor, linear address, every table entry, physical address, and what each access would do.")
        {
            addresses, image, cr3, cpl, json,
        };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(addresses), parsed.GetRequiredValue(image), parsed.GetValue(cr3), parsed.GetValue(cpl), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string[] addresses, string image, string? cr3, int? cpl, bool asJson)
    {
        AddressOperand[] operands = [.. addresses.Select(AddressOperand.Parse)];
        ulong? root = cr3 is null ? null : AddressOperand.ParseLinear(cr3);
        using RecordedGuest guest = LongWork.Run(console, image, work => RecordedGuest.Load(image, work));
        var explanations = new List<Explanation>(operands.Length);
        for (int i = 0; i < operands.Length; i++)
        {
            // Loading a selector changes the segment registers; every address starts from the guest's own.
            using var processor = GuestProcessor.Create(guest, root, cpl);
            explanations.Add(new Explainer(processor).Explain(operands[i], addresses[i]));
        }

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
