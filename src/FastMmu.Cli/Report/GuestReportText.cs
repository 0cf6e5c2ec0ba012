using System.Globalization;
using FastMmu.Addresses;
using FastMmu.Cli.Explain;
using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Cli.Text;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Report;

/// <summary>A report for people.</summary>
internal static class GuestReportText
{
    private const int LabelWidth = 9;

    /// <summary>Writes a report; its last line counts the answers.</summary>
    public static void Write(ToolConsole console, GuestReport report)
    {
        WriteMachine(console, report);
        WriteRegisters(console, report);
        WriteGdt(console, report);
        if (report.State.Mode == PagingMode.None)
        {
            console.Output.WriteLine();
            console.Output.WriteLine("Paging is off: linear addresses are physical addresses, and there are no tables.");
        }
        else
        {
            WriteSpaces(console, report);
            WriteTables(console, report);
            WriteCosts(console, report);
            WriteRegions(console, report);
            WriteAreas(console, report);
            WriteTranslations(console, report);
        }

        WriteAnswers(console, report);
    }

    private static void WriteMachine(ToolConsole console, GuestReport report)
    {
        GuestDescription description = report.Description;
        console.Output.WriteLine(console.Paint(Printable.Of(description.Name), Ink.Bold));
        if (description.Kernel is string kernel) console.Output.WriteLine("  " + Printable.Of(kernel));
        if (description.Host is string host) console.Output.WriteLine("  " + Printable.Of(host));
        string width = report.State.Mode == PagingMode.None ? "" : $", linear addresses of {report.State.LinearWidth} bits";
        string physical = description.PhysicalAddressBits is int bits ? $", physical ones of {bits}" : "";
        console.Output.WriteLine($"  {TableNames.Of(report.State.Mode)} paging{width}{physical}, {Name(report.Segmentation)} at CPL {report.State.Cpl}");
        string process = report.Layout?.Process is { Length: > 0 } name ? $" in {Printable.Of(name)}" : "";
        string memory = description.RamBytes is ulong ram ? $"{Quantity.Bytes(ram)} of memory, s" : "S";
        if (!description.Synthetic) console.Output.WriteLine($"  {memory}topped{process}");
        if (report.Isolation is PageTableIsolation isolation)
        {
            string half = isolation.IsUserHalf ? "user" : "kernel";
            string other = isolation.IsUserHalf ? "kernel" : "user";
            console.Output.WriteLine($"  page-table isolation: this is the {half} half; the {other} half is CR3 0x{isolation.OtherCr3:x}");
        }

    }

    private static void WriteRegisters(ToolConsole console, GuestReport report)
    {
        PagingState state = report.State;
        Heading(console, "Registers");
        Line(console, "CR0", state.Cr0.ToString());
        Line(console, "CR2", $"0x{report.Description.Cr2:x}");
        Line(console, "CR3", $"{state.Cr3}{(state.Cr4.Pcide ? $" (PCID {state.Pcid})" : "")}");
        Line(console, "CR4", state.Cr4.ToString());
        Line(console, "EFER", state.Efer.ToString());
        bool wide = state.Efer.Lma;
        Line(console, wide ? "RFLAGS" : "EFLAGS", FlagsText.Describe(state.RFlags.Value));
        foreach ((string name, string other) in new[] { ("RIP", "EIP"), ("RSP", "ESP") })
        {
            if (report.Description.Register(name, other) is ulong value) Line(console, wide ? name : other, $"0x{value:x}{Where(report, value)}");
        }

        if (report.Description.Segments.Count == 0) return;
        var segments = new TextTable("", "selector", "base", "limit", "");
        foreach (string name in new[] { "CS", "SS", "DS", "ES", "FS", "GS", "LDT", "TR" })
        {
            if (!report.Description.Segments.TryGetValue(name, out CachedSegment segment)) continue;
            segments.Add(
                name.PadRight(LabelWidth - 2), segment.Selector.Value.ToString("x4", CultureInfo.InvariantCulture), segment.Base.ToString("x", CultureInfo.InvariantCulture),
                segment.Limit.ToString("x", CultureInfo.InvariantCulture), segment.Usable ? segment.Attributes.ToString() : "not usable");
        }

        foreach ((string name, DescriptorTableRegister? register) in new[] { ("GDTR", report.Description.Gdt), ("IDTR", report.Description.Idt) })
        {
            if (register is DescriptorTableRegister table) segments.Add(name, "", table.Base.ToString("x", CultureInfo.InvariantCulture), table.Limit.ToString("x", CultureInfo.InvariantCulture));
        }

        segments.Write(console);
    }

    private static string Where(GuestReport report, ulong linear)
    {
        if (report.Description.Synthetic) return "";
        if (report.Layout?.AreaOf(linear) is MapsArea area) return $"  {area.Permissions} {Printable.Of(area.Name.Length == 0 ? "anonymous" : area.Name)}";
        return report.Layout?.RegionOf(linear) is LayoutRegion region ? $"  {region.Name}" : "";
    }

    private static void WriteGdt(ToolConsole console, GuestReport report)
    {
        if (report.Gdt is not GuestDescriptorTable gdt)
        {
            if (!report.Description.Synthetic) Line(console, "GDT", Printable.Of(report.GdtProblem));
            return;
        }

        if (gdt.Entries.Count == 0) return;
        Heading(console, GdtText.Title(gdt));
        GdtText.Write(console, gdt.Entries, gdt.NameOf);
    }

    private static void WriteSpaces(ToolConsole console, GuestReport report)
    {
        if (report.Spaces.Count < 2) return;
        Heading(console, "Address spaces");
        var table = new TextTable("CR3", ">tables", ">mapped", ">by user pages", "whose");
        foreach (SpaceUse space in report.Spaces)
        {
            string whose = space.Cr3 == report.State.Cr3.Value ? $"{space.Name} (looked at here)" : space.Name;
            if (space.Refusal.Length > 0) table.Add($"0x{space.Cr3:x}", "", "", "", $"{whose}: {space.Refusal}");
            else table.Add($"0x{space.Cr3:x}", Quantity.Count(space.Tables), Quantity.Bytes(space.Mapped), Quantity.Bytes(space.User), whose);
        }

        table.Write(console);
    }

    private static void WriteTables(ToolConsole console, GuestReport report)
    {
        AddressSpaceSummary summary = report.Summary!;
        Heading(console, $"Page tables of CR3 {report.State.Cr3}, taken apart in {Quantity.Time(report.WalkTime)}");
        var levels = new TextTable("level", ">tables", ">bytes", ">entries present", ">to tables", ">pages", ">malformed");
        foreach (LevelSummary level in summary.Levels)
        {
            levels.Add(
                $"{level.Level} {TableNames.OfLevel(level.Level)}", Quantity.Count(level.Tables), Quantity.Bytes(TableBytes(report.State.Mode, level)),
                Quantity.Count(level.PresentEntries), Quantity.Count(level.TableEntries), Quantity.Count(level.Leaves), Quantity.Count(level.MalformedEntries));
        }

        levels.Add(
            "all", Quantity.Count(summary.Tables), Quantity.Bytes(TableBytes(report.State.Mode, summary)), Quantity.Count(summary.Levels.Sum(l => l.PresentEntries)),
            Quantity.Count(summary.Levels.Sum(l => l.TableEntries)), Quantity.Count(summary.Levels.Sum(l => l.Leaves)), Quantity.Count(summary.Levels.Sum(l => l.MalformedEntries)));
        levels.Write(console);
        console.Output.WriteLine();
        var mapped = new TextTable("page", "rights", ">pages", ">mapped");
        foreach (MappedKind kind in summary.Mapped)
        {
            mapped.Add(kind.Size.Name(), ExplanationText.Describe(kind.Rights), Quantity.Count((long)Math.Min(kind.Pages, long.MaxValue)), Quantity.Bytes(kind.Bytes));
        }

        mapped.Add("all", "", Quantity.Count((long)Math.Min(summary.Mapped.Aggregate(0UL, (sum, k) => sum + k.Pages), long.MaxValue)), Quantity.Bytes(summary.MappedBytes));
        mapped.Write(console);
    }

    /// <summary>Bytes of the tables of a level; the PDPT of PAE has 32.</summary>
    private static ulong TableBytes(PagingMode mode, LevelSummary level) => (ulong)level.Tables * (mode == PagingMode.Pae && level.Level == 3 ? 32UL : 4096UL);

    private static ulong TableBytes(PagingMode mode, AddressSpaceSummary summary) => summary.Levels.Aggregate(0UL, (sum, l) => sum + TableBytes(mode, l));

    private static void WriteCosts(ToolConsole console, GuestReport report)
    {
        Heading(console, "What tables of other depths would cost for the same pages");
        var table = new TextTable("arrangement", ">tables", ">bytes", ">all 4 KiB: tables", ">bytes", "");
        foreach ((TableCost cost, TableCost small) in report.Costs.Zip(report.CostsOfSmallPages))
        {
            if (cost.Bytes is ulong bytes && cost.Tables is long tables && small.Bytes is ulong smallBytes && small.Tables is long smallTables)
            {
                table.Add(cost.Shape.Name, Quantity.Count(tables), Quantity.Bytes(bytes), Quantity.Count(smallTables), Quantity.Bytes(smallBytes));
            }
            else
            {
                table.Add(cost.Shape.Name, "-", "-", "-", "-", $"cannot map addresses of more than {cost.Shape.LinearWidth} bits");
            }
        }

        AddressSpaceSummary built = report.Summary!;
        long expected = report.Costs.FirstOrDefault(c => c.Shape.Levels == (int)report.State.Mode && c.Tables is not null).Tables ?? 0;
        string remark = built.Tables < expected ? "fewer, for some are reached by several paths" : "";
        table.Add("as built here", Quantity.Count(built.Tables), Quantity.Bytes(TableBytes(report.State.Mode, built)), "", "", remark);
        table.Write(console);
    }

    private static void WriteRegions(ToolConsole console, GuestReport report)
    {
        Heading(console, "Regions (mapped addresses; s supervisor, u user)");
        var table = new TextTable("first", "last", "region", ">4 KiB", report.State.Mode == PagingMode.TwoLevel ? ">4 MiB" : ">2 MiB", ">1 GiB", ">mapped", "rights");
        int width = report.State.LinearWidth;
        foreach (RegionUse use in report.Regions)
        {
            table.Add(
                Quantity.Address(use.First, width), Quantity.Address(use.Last, width), use.Region.Name, Quantity.Count(use.Pages.Small), Quantity.Count(use.Pages.Large),
                Quantity.Count(use.Pages.Huge), Quantity.Bytes(use.Pages.Bytes), string.Join(", ", use.Pages.RightsInUse));
        }

        table.Write(console);
        if (report.PagesLeftOut) console.Output.WriteLine($"  (only the first {Quantity.Count(GuestLayout.MostPages)} pages are told apart here and translated below)");
    }

    private static void WriteAreas(ToolConsole console, GuestReport report)
    {
        if (report.Areas.Count == 0) return;
        Heading(console, $"Areas of {Printable.Of(report.Layout!.Process)} (by /proc/PID/maps), and what of them is mapped");
        var table = new TextTable("area", ">areas", ">size", ">mapped", "permissions", "rights of the pages");
        foreach (AreaUse area in report.Areas)
        {
            table.Add(
                area.Name, Quantity.Count(area.Areas), Quantity.Bytes(area.Bytes), Quantity.Bytes(area.Pages.Bytes), string.Join(' ', area.Permissions),
                string.Join(", ", area.Pages.RightsInUse));
        }

        table.Write(console);
    }

    private static void WriteTranslations(ToolConsole console, GuestReport report)
    {
        Heading(console, "Every mapped page translated, and compared with the enumeration");
        var table = new TextTable("", ">pages", ">first round", ">fastest of", ">", ">a page", "");
        foreach (TranslationRun run in report.Translations)
        {
            table.Add(
                run.Way, Quantity.Count(run.Pages), Quantity.Time(run.First), Quantity.Count(run.Rounds), Quantity.Time(run.Best),
                string.Create(CultureInfo.InvariantCulture, $"{run.NanosecondsEach:0.0} ns"), run.Wrong == 0 ? "all agree" : $"{run.Wrong} WRONG: {run.FirstWrong}");
        }

        table.Write(console);
    }

    private static void WriteAnswers(ToolConsole console, GuestReport report)
    {
        Heading(console, $"Recorded answers, compared in {Quantity.Time(report.CompareTime)} (loading took {Quantity.Time(report.LoadTime)})");
        VerdictText.Write(console, report.Verdict);
        console.Output.WriteLine();
        string last = $"{report.Verdict.Checked} checked, {report.Verdict.Mismatched} mismatched";
        console.Output.WriteLine(console.Paint(last, report.Verdict.Mismatched == 0 ? Ink.Green : Ink.Red));
    }

    private static string Name(SegmentationMode mode) => mode switch
    {
        SegmentationMode.Real => "real mode",
        SegmentationMode.Virtual8086 => "virtual-8086 mode",
        SegmentationMode.Compatibility => "compatibility mode (32-bit code in long mode)",
        SegmentationMode.SixtyFourBit => "64-bit mode",
        _ => "protected mode",
    };

    private static void Heading(ToolConsole console, string text)
    {
        console.Output.WriteLine();
        console.Output.WriteLine(console.Paint(text, Ink.Bold));
    }

    private static void Line(ToolConsole console, string label, string text) => console.Output.WriteLine($"  {console.Paint(label.PadRight(LabelWidth - 2), Ink.Dim)}  {text}");
}
