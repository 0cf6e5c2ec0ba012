using System.Globalization;
using FastMmu.Addresses;
using FastMmu.Cli.Text;
using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>An explanation for people.</summary>
internal static class ExplanationText
{
    private const int LabelWidth = 11;

    /// <summary>Writes an explanation.</summary>
    public static void Write(ToolConsole console, Explanation explanation)
    {
        PagingState state = explanation.State;
        console.Output.WriteLine(console.Paint(Printable.Of(explanation.Asked), Ink.Bold));
        Line(console, "machine", $"{TableNames.Of(state.Mode)} paging, CR3 {state.Cr3}, CPL {state.Cpl}");
        if (explanation.Logical is LogicalPart logical) WriteLogical(console, logical, explanation.Linear);
        if (explanation.Linear is not ulong linear) return;
        Line(console, "linear", $"0x{Quantity.Address(linear, state.LinearWidth)}{(explanation.Place.Length > 0 ? "  " + explanation.Place : "")}");
        WriteArea(console, explanation);
        WriteWalk(console, explanation, linear);
        WritePhysical(console, explanation, linear);
        if (explanation.Elsewhere.Length > 0) Line(console, "elsewhere", explanation.Elsewhere);
        WriteCosts(console, explanation);
        WriteOutcomes(console, explanation);
        WriteProgram(console, explanation);
    }

    /// <summary>The rights of a path in words.</summary>
    public static string Describe(Rights rights)
    {
        string user = rights.HasFlag(Rights.User) ? "user" : "supervisor";
        string write = rights.HasFlag(Rights.ShadowStack) ? "shadow stack" : rights.HasFlag(Rights.Write) ? "writable" : "read-only";
        string execute = rights.HasFlag(Rights.Execute) ? "executable" : "not executable";
        return $"{user}, {write}, {execute}{(rights.HasFlag(Rights.Global) ? ", global" : "")}";
    }

    private static void WriteLogical(ToolConsole console, LogicalPart logical, ulong? linear)
    {
        Line(console, "logical", $"{logical.Source}, offset 0x{logical.Offset:x}, {Name(logical.Mode)}");
        if (logical.Descriptor is ExplainedDescriptor descriptor)
        {
            string name = descriptor.LinuxName is null ? "" : $"  Linux: {descriptor.LinuxName}";
            Line(console, "descriptor", $"{descriptor.Entry}{name}");
            Line(console, "", $"0x{descriptor.Entry.Low:x16} at linear 0x{descriptor.Linear:x}, physical 0x{descriptor.Physical:x}");
        }

        if (logical.Segment is CachedSegment segment) Line(console, "register", segment.ToString());
        if (logical.Fault.IsFault)
        {
            Line(console, "stops", console.Paint(logical.Fault.ToString(), Ink.Yellow));
            return;
        }

        bool flat = logical.Mode == SegmentationMode.SixtyFourBit && linear == logical.Offset;
        Line(console, "", flat ? "64-bit mode: base and limit do not count" : $"base 0x{linear - logical.Offset:x} + offset 0x{logical.Offset:x}");
    }

    private static string Name(SegmentationMode mode) => mode switch
    {
        SegmentationMode.Real => "real mode",
        SegmentationMode.Virtual8086 => "virtual-8086 mode",
        SegmentationMode.Protected => "protected mode",
        SegmentationMode.Compatibility => "compatibility mode",
        SegmentationMode.SixtyFourBit => "64-bit mode",
        _ => mode.ToString(),
    };

    private static void WriteArea(ToolConsole console, Explanation explanation)
    {
        if (explanation.Area is not ExplainedArea area)
        {
            if (explanation.AreasKnown) Line(console, "area", "none");
            return;
        }

        string offset = area.Name.StartsWith('/') ? $", offset 0x{area.Offset:x}" : "";
        string flags = area.Flags.Length > 0 ? $", flags {area.Flags}" : "";
        Line(console, "area", $"{area.Start:x}-{area.End:x} {area.Permissions} {(area.Name.Length > 0 ? Printable.Of(area.Name) : "anonymous memory")}{offset}{flags}");
    }

    private static void WriteProgram(ToolConsole console, Explanation explanation)
    {
        if (explanation.Program.Count == 0) return;
        console.Output.WriteLine();
        var table = new TextTable("by the program", "with what the kernel does about it");
        foreach (ProgramAccess access in explanation.Program) table.Add(access.Access.ToString().ToLowerInvariant(), access.Text);
        table.Write(console);
    }

    private static void WriteWalk(ToolConsole console, Explanation explanation, ulong linear)
    {
        PagingMode mode = explanation.State.Mode;
        if (mode == PagingMode.None)
        {
            Line(console, "", "paging is off: the linear address is the physical one");
            return;
        }

        // An address that is not canonical has no indices that anybody would look up.
        if (explanation.Walk.Fault.Reason == FaultReason.NonCanonical) return;
        int levels = TableNames.Levels(mode);
        var parts = Enumerable.Range(0, levels).Select(i => $"{TableNames.OfLevel(levels - i)} {TableNames.Index(mode, levels - i, linear)}");
        PageSize size = explanation.Walk.Ok ? explanation.Walk.PageSize : PageSize.Size4K;
        // A large page ends the indices early.
        int below = Math.Max(0, (size.Shift() - 12) / TableNames.IndexBits(mode));
        Line(console, "", $"= {string.Join(" | ", parts.Take(levels - below))} | offset 0x{new LinearAddress(linear).OffsetIn(size):x}");
        if (explanation.Entries.Count == 0) return;
        console.Output.WriteLine();
        var table = new TextTable("table", ">index", "entry at", "entry", "");
        int digits = mode == PagingMode.TwoLevel ? 8 : 16;
        foreach (ExplainedEntry entry in explanation.Entries)
        {
            table.Add(
                entry.Table, entry.Index.ToString(CultureInfo.InvariantCulture), entry.Address is ulong address ? $"0x{address:x}" : "register",
                "0x" + entry.Raw.ToString(digits == 8 ? "x8" : "x16", CultureInfo.InvariantCulture), entry.Meaning);
        }

        table.Write(console);
        console.Output.WriteLine();
    }

    private static void WritePhysical(ToolConsole console, Explanation explanation, ulong linear)
    {
        Translation walk = explanation.Walk;
        if (!walk.Ok)
        {
            string where = walk.Fault.Reason switch
            {
                FaultReason.NonCanonical => $"bits 63:{explanation.State.LinearWidth - 1} of the address are not all equal: it is not canonical, no table is read",
                FaultReason.NotPresent => $"the walk ends in the {TableNames.OfLevel(walk.Fault.Level)}: the entry is not present",
                FaultReason.ReservedBit => $"the walk ends in the {TableNames.OfLevel(walk.Fault.Level)}: the entry has reserved bits set",
                _ => walk.Fault.ToString(),
            };
            Line(console, "physical", console.Paint("none", Ink.Yellow) + $": {where}");
            return;
        }

        if (walk.PageSize == PageSize.None)
        {
            Line(console, "physical", $"{walk.Physical}, {explanation.Behind}");
            return;
        }

        ulong offset = new LinearAddress(linear).OffsetIn(walk.PageSize);
        string type = explanation.MemoryType.Length > 0 ? $" ({explanation.MemoryType})" : "";
        Line(console, "physical", $"{walk.Physical} = {walk.PageSize.Name()} page 0x{walk.Physical.Value - offset:x} + 0x{offset:x}, {explanation.Behind}, PAT index {walk.PatIndex}{type}");
        if (explanation.Zone.Length > 0) Line(console, "frame", $"0x{walk.Physical.Value >> 12:x} of zone {explanation.Zone}{(explanation.FrameUse.Length > 0 ? ", " + explanation.FrameUse : "")}");
        Line(console, "rights", $"{Describe(walk.Rights)} (all levels together)");
    }

    private static void WriteCosts(ToolConsole console, Explanation explanation)
    {
        string[] costs = [.. explanation.Costs.Where(c => c.Bytes is not null).Select(c => $"{c.Shape.Name} {Quantity.Bytes(c.Bytes!.Value)}")];
        if (costs.Length > 0) Line(console, "tables", $"for this page alone: {string.Join("; ", costs)}");
    }

    private static void WriteOutcomes(ToolConsole console, Explanation explanation)
    {
        console.Output.WriteLine();
        var table = new TextTable("access at", "read", "write", "execute");
        foreach (IGrouping<string, AccessOutcome> row in explanation.Outcomes.GroupBy(o => o.Who))
        {
            table.Add([row.Key, .. row.Select(o => Short(o.Translation))]);
        }

        table.Write(console);
    }

    // The address is known by now; what differs is what counts.
    private static string Short(Translation translation)
    {
        if (translation.Ok) return "allowed";
        string text = translation.Fault.ToString();
        int at = text.IndexOf(" at 0x", StringComparison.Ordinal);
        int colon = text.IndexOf(": ", StringComparison.Ordinal);
        return at >= 0 && at < colon ? text[..at] + text[colon..] : text;
    }

    private static void Line(ToolConsole console, string label, string text) =>
        console.Output.WriteLine($"{console.Paint(label.PadRight(LabelWidth), Ink.Dim)}{text}");
}
