using System.CommandLine;
using System.Globalization;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Text;
using FastMmu.Segmentation;
using FastMmu.Segmentation.Linux;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu gdt</c>: a global descriptor table, taken apart: a recorded guest's, or one of those that Linux has in its source.</summary>
internal static class GdtCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string> image = GuestOptions.Image();
        var linux = new Option<string>("--linux")
        {
            Description = "A table as it stands in Linux's source: 64, 32, or 32-old (up to 6.7). 64 if no guest is named.",
            HelpName = "KIND",
        };
        linux.AcceptOnlyFromAmong("64", "32", "32-old");
        Option<string> cr3 = GuestOptions.Cr3();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("gdt", "Take a global descriptor table apart.") { image, linux, cr3, json };
        command.Validators.Add(result =>
        {
            if (result.GetResult(image) is not null && result.GetResult(linux) is not null) result.AddError("--image and --linux exclude each other.");
        });
        command.SetAction(parsed => parsed.GetValue(image) is string directory
            ? ShowGuest(console, directory, parsed.GetValue(cr3), parsed.GetValue(json))
            : ShowLinux(console, parsed.GetValue(linux) ?? "64", parsed.GetValue(json)));
        return command;
    }

    private static int ShowGuest(ToolConsole console, string directory, string? cr3, bool asJson)
    {
        ulong? root = cr3 is null ? null : AddressOperand.ParseLinear(cr3);
        using RecordedGuest guest = LongWork.Run(console, directory, work => RecordedGuest.Load(directory, work));
        using var processor = GuestProcessor.Create(guest, root, cpl: null);
        GuestDescriptorTable table = GuestDescriptorTable.Read(processor, out string problem) ?? throw new InputException($"{directory}: {problem}");
        if (asJson)
        {
            console.WriteJson(json => GdtText.WriteJson(json, table));
            return ExitCode.Success;
        }

        console.Output.WriteLine(console.Paint(GdtText.Title(table), Ink.Bold));
        GdtText.Write(console, table.Entries, table.NameOf);
        return ExitCode.Success;
    }

    private static int ShowLinux(ToolConsole console, string kind, bool asJson)
    {
        LinuxGdt linux = kind switch { "64" => LinuxGdt.Amd64, "32" => LinuxGdt.I386, _ => LinuxGdt.I386Before6_8 };
        byte[] bytes = new byte[linux.SizeInBytes];
        linux.Write(bytes);
        IReadOnlyList<DescriptorTableEntry> entries = DescriptorTableEntry.Decode(bytes, linux.Is64Bit);
        if (asJson)
        {
            console.WriteJson(json => GdtText.WriteJson(json, linux));
            return ExitCode.Success;
        }

        console.Output.WriteLine(console.Paint(string.Create(CultureInfo.InvariantCulture, $"GDT of Linux {linux.Name}: {linux.Entries.Count} entries, {bytes.Length} bytes, as in its source"), Ink.Bold));
        GdtText.Write(console, entries, index => linux.Entries[index].Name);
        var filled = linux.Entries.Where(e => e.Use is not (LinuxGdtUse.Fixed or LinuxGdtUse.Empty or LinuxGdtUse.UpperHalf)).ToList();
        console.Output.WriteLine("  filled in at run time: " + string.Join(", ", filled.Select(e => $"{e.Index} {e.Name}")));
        return ExitCode.Success;
    }
}
