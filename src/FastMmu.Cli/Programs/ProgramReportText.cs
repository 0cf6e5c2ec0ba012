using System.Globalization;
using FastMmu.Cli.Report;
using FastMmu.Cli.Text;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Proc;
using FastMmu.Paging.Mapping;

namespace FastMmu.Cli.Programs;

/// <summary>A program's layout for people.</summary>
internal static class ProgramReportText
{
    /// <summary>Writes it; the last line says whether every translation agreed.</summary>
    public static void Write(ToolConsole console, ProgramReport report)
    {
        console.Output.WriteLine(console.Paint($"{Printable.Of(report.Path)}: a {report.Bits}-bit program before its first instruction", Ink.Bold));
        string random = report.Aslr.IsOn ? $"addresses randomised from {report.Aslr} (--seed gives them back)" : "addresses not randomised";
        console.Output.WriteLine($"  Linux {report.Release} for {report.Architecture.Name}, {random}; execve took {Quantity.Time(report.ExecTime)}");
        console.Output.WriteLine($"  user addresses end at {report.TaskSize:x}, mmap begins at {report.MmapBase:x}; name {Printable.Of(report.Comm)}");
        if (report.Kernel is { } kernel) WriteKernel(console, kernel);
        else console.Output.WriteLine("  no kernel's half, and no page tables in guest memory");
        WriteAreas(console, report);
        WritePlaces(console, report);
        WriteVector(console, report);
        WriteCounters(console, report);
        WriteTouched(console, report);
        WriteCosts(console, report);
        WriteTranslations(console, report);
    }

    private static void WriteKernel(ToolConsole console, KernelPart kernel)
    {
        string Start(KernelRegionKind kind) => kernel.Regions.First(r => r.Kind == kind).First.ToString("x");
        console.Output.WriteLine(
            $"  kernel's half: direct map at {Start(KernelRegionKind.DirectMap)}, vmalloc at {Start(KernelRegionKind.Vmalloc)}, kernel at {kernel.ImageStart:x}, "
            + $"{kernel.Regions.Count} regions in all;");
        console.Output.WriteLine($"    {kernel.SharedEntries} entries of the top table and {kernel.Tables} page-table pages below them, the same for every task");
    }

    private static void WriteAreas(ToolConsole console, ProgramReport report)
    {
        Heading(console, "Areas (/proc/PID/maps), and their pages in memory: at the start, and after every page was touched");
        var table = new TextTable("range", "", ">offset", ">size", ">at start", ">touched", ">own", "name", "flags");
        foreach (ProgramArea area in report.Areas)
        {
            table.Add(
                $"{area.Start:x8}-{area.End:x8}", area.Permissions, area.Offset.ToString("x"), Quantity.Bytes(area.Bytes), Quantity.Count((long)area.ResidentAtStart),
                Quantity.Count((long)area.Resident), Quantity.Count((long)area.Anonymous), area.Name, area.Flags);
        }

        table.Write(console);
    }

    private static void WritePlaces(ToolConsole console, ProgramReport report)
    {
        Heading(console, "The fields of the address space");
        var table = new TextTable("", "start", "end", ">bytes");
        foreach ((string name, ulong start, ulong end) in report.Places)
        {
            table.Add(name, start.ToString("x"), end.ToString("x"), end >= start ? Quantity.Bytes(end - start) : "-");
        }

        table.Write(console);
        StartRegisters registers = report.Registers;
        char word = report.Bits == 32 ? 'e' : 'r';
        console.Output.WriteLine(
            $"  {word}ip {registers.InstructionPointer:x}  {word}sp {registers.StackPointer:x}  eflags {registers.Flags:x}  cs {registers.CodeSelector:x}  ss {registers.StackSelector:x}  ds {registers.DataSelector:x}");
    }

    private static void WriteVector(ToolConsole console, ProgramReport report)
    {
        Heading(console, "Auxiliary vector, in the kernel's order");
        const int Columns = 3;
        var table = new TextTable("", "", "", "", "", "");
        AuxiliaryEntry[] vector = [.. report.AuxiliaryVector];
        int rows = (vector.Length + Columns - 1) / Columns;
        for (int row = 0; row < rows; row++)
        {
            string[] cells = new string[Columns * 2];
            for (int column = 0; column < Columns; column++)
            {
                int i = (column * rows) + row;
                cells[column * 2] = i < vector.Length ? $"{(int)vector[i].Type,2} {vector[i].Type}" : "";
                cells[(column * 2) + 1] = i < vector.Length ? $"0x{vector[i].Value:x}" : "";
            }

            table.Add(cells);
        }

        table.Write(console);
    }

    private static void WriteCounters(ToolConsole console, ProgramReport report)
    {
        Heading(console, "Counters (/proc/PID/status), in kB");
        var table = new TextTable("", ">at start", ">touched");
        foreach ((string name, Func<MemoryStatus, long> value) in ProgramCounters.All)
        {
            table.Add(name, Quantity.Count(value(report.Before)), Quantity.Count(value(report.After)));
        }

        table.Write(console);
    }

    private static void WriteTouched(ToolConsole console, ProgramReport report)
    {
        TouchCount touched = report.Touched;
        Heading(console, "Every page touched through the fault handler, with the strongest access that its area allows");
        string refused = touched.Refused.Count == 0 ? "none refused" : string.Join(", ", touched.Refused.Select(r => $"{Quantity.Count(r.Value)} {r.Key}"));
        console.Output.WriteLine(
            $"  {Quantity.Count(touched.Pages)} pages: {Quantity.Count(touched.Mapped)} mapped before, {Quantity.Count(touched.Faulted)} brought in, {refused}; "
            + string.Create(CultureInfo.InvariantCulture, $"{touched.NanosecondsEach:0} ns a page"));
        console.Output.WriteLine($"  mapped now: {string.Join(", ", report.Zones.Select(z => $"{Quantity.Count(z.Pages)} in {z.Zone}"))}");
        if (touched.LeftOut > 0) console.Output.WriteLine($"  {Quantity.Count(touched.LeftOut)} pages more were left out: memory would not hold them");
    }

    private static void WriteCosts(ToolConsole console, ProgramReport report)
    {
        Heading(console, "Page tables for these pages, and what tables of other depths would cost");
        var table = new TextTable("arrangement", ">tables", ">bytes", "");
        foreach (TableCost cost in report.Costs)
        {
            if (cost.Bytes is ulong bytes && cost.Tables is long tables) table.Add(cost.Shape.Name, Quantity.Count(tables), Quantity.Bytes(bytes));
            else table.Add(cost.Shape.Name, "-", "-", $"cannot map addresses of more than {cost.Shape.LinearWidth} bits");
        }

        table.Add(report.Kernel is null ? "as built here, by the host" : "as built here", Quantity.Count(report.Tables), Quantity.Bytes((ulong)report.Tables << 12));
        table.Write(console);
    }

    private static void WriteTranslations(ToolConsole console, ProgramReport report)
    {
        Heading(console, "Every mapped page translated, and compared with the tables");
        var table = new TextTable("", ">pages", ">fastest of", ">", ">a page", ">translations/s", "");
        foreach (TranslationRun run in report.Translations)
        {
            table.Add(
                run.Way, Quantity.Count(run.Pages), Quantity.Count(run.Rounds), Quantity.Time(run.Best),
                string.Create(CultureInfo.InvariantCulture, $"{run.NanosecondsEach:0.0} ns"), Quantity.Count((long)run.PerSecond),
                run.Wrong == 0 ? "all agree" : $"{run.Wrong} WRONG: {run.FirstWrong}");
        }

        table.Write(console);
        console.Output.WriteLine();
        string last = $"{report.Translations.Sum(t => (long)t.Pages)} translated, {report.Wrong} wrong";
        console.Output.WriteLine(console.Paint(last, report.Wrong == 0 ? Ink.Green : Ink.Red));
    }

    private static void Heading(ToolConsole console, string text)
    {
        console.Output.WriteLine();
        console.Output.WriteLine(console.Paint(text, Ink.Bold));
    }
}
