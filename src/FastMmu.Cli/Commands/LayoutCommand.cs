using System.CommandLine;
using FastMmu.Addresses;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Layout;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu layout --arch KIND</c>: how Linux divides addresses and memory.</summary>
internal static class LayoutCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> architecture = KernelOption.Create("--arch", "Which kernel:");
        architecture.DefaultValueFactory = _ => KernelOption.Usual;
        var seed = new Option<string?>("--kaslr") { Description = "Randomise addresses, from this number.", HelpName = "SEED" };
        var ram = new Option<string>("--ram") { Description = "Memory of the machine: a number with K, M, G or T.", HelpName = "SIZE", DefaultValueFactory = _ => "8G" };
        var vmalloc = new Option<string?>("--vmalloc") { Description = "The vmalloc= of a 32-bit kernel's command line.", HelpName = "SIZE" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("layout", "Show how Linux divides the address space and physical memory, with sizes and formulas.") { architecture, seed, ram, vmalloc, json };
        command.SetAction(parsed => Run(
            console, KernelOption.Of(parsed.GetValue(architecture)), parsed.GetValue(architecture) ?? KernelOption.Usual, parsed.GetValue(seed),
            parsed.GetRequiredValue(ram), parsed.GetValue(vmalloc), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, KernelArchitecture architecture, string name, string? seed, string ram, string? vmalloc, bool asJson)
    {
        ulong bytes = SizeOperand.Parse("--ram", ram);
        if (bytes == 0 || bytes % 4096 != 0) throw new InputException($"--ram {ram}: memory is a multiple of 4 KiB.");
        if (vmalloc is not null && architecture.Is64Bit()) throw new InputException("--vmalloc is for 32-bit kernels: a 64-bit one has room.");
        var options = new KernelLayoutOptions
        {
            Architecture = architecture,
            // As a PC has it: what does not fit below 3 GiB is above 4 GiB.
            MemoryEnd = bytes <= 3 * ByteSize.GiB ? bytes : bytes + ByteSize.GiB,
            Seed = seed is null ? AslrSeed.Off : AslrSeed.From(SizeOperand.ParseNumber("--kaslr", seed)),
            VmallocBytes = vmalloc is null ? null : SizeOperand.Parse("--vmalloc", vmalloc),
        };
        LayoutReport report;
        try
        {
            report = LayoutReport.Create(name, bytes, options);
        }
        catch (ArgumentException refused)
        {
            throw new InputException(refused.Message.Split(" (Parameter", 2)[0]);
        }

        if (asJson) console.WriteJson(json => LayoutJson.Write(json, report));
        else LayoutText.Write(console, report);
        return ExitCode.Success;
    }
}
