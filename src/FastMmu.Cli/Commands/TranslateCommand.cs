using System.CommandLine;
using FastMmu.Addresses;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Text;
using FastMmu.Processor;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu translate ADDRESS... --image DIR</c>: one line an address.</summary>
internal static class TranslateCommand
{
    public static Command Create(ToolConsole console)
    {
        Argument<string[]> addresses = GuestOptions.Addresses();
        Option<string> image = GuestOptions.Image();
        image.Required = true;
        Option<string> cr3 = GuestOptions.Cr3();
        Option<int?> cpl = GuestOptions.Cpl();
        var access = new Option<string>("--access") { Description = "What the access does: read, write or execute.", HelpName = "KIND", DefaultValueFactory = _ => "read" };
        access.AcceptOnlyFromAmong("read", "write", "execute");
        Option<bool> json = SharedOptions.Json();
        var command = new Command("translate", "Translate addresses of a recorded guest as its processor would: a physical address, or the fault. Nothing in the folder changes.")
        {
            addresses, image, access, cpl, cr3, json,
        };
        command.SetAction(parsed => Run(
            console, parsed.GetRequiredValue(addresses), parsed.GetRequiredValue(image), parsed.GetValue(cr3), parsed.GetValue(cpl),
            Enum.Parse<Access>(parsed.GetRequiredValue(access), ignoreCase: true), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string[] addresses, string image, string? cr3, int? cpl, Access access, bool asJson)
    {
        AddressOperand[] operands = [.. addresses.Select(AddressOperand.Parse)];
        ulong? root = cr3 is null ? null : AddressOperand.ParseLinear(cr3);
        using RecordedGuest guest = LongWork.Run(console, image, work => RecordedGuest.Load(image, work));
        using var processor = GuestProcessor.Create(guest, root, cpl);
        Translation[] translations = new Translation[operands.Length];
        for (int i = 0; i < operands.Length; i++)
        {
            AddressOperand operand = operands[i];
            if (operand.Selector is not null) throw new InputException($"'{addresses[i]}' names a selector; 'fastmmu explain' can load it");
            translations[i] = operand.Register is SegmentRegister segment
                ? processor.Mmu.Translate(new LogicalAddress(segment, operand.Offset), access)
                : processor.Mmu.Translate(new LinearAddress(operand.Offset), access);
        }

        if (asJson)
        {
            console.WriteJson(json =>
            {
                json.WriteStartArray();
                for (int i = 0; i < addresses.Length; i++)
                {
                    json.WriteStartObject();
                    json.WriteString("address", addresses[i]);
                    ExplanationJson.WriteTranslationFields(json, translations[i]);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
            return ExitCode.Success;
        }

        int width = addresses.Max(a => a.Length);
        for (int i = 0; i < addresses.Length; i++)
        {
            string line = $"{Printable.Of(addresses[i]).PadRight(width)}  {translations[i]}";
            console.Output.WriteLine(translations[i].Ok ? line : console.Paint(line, Ink.Yellow));
        }

        return ExitCode.Success;
    }
}
