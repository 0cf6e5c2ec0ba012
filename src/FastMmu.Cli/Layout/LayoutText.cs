using System.Numerics;
using FastMmu.Cli.Text;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;

namespace FastMmu.Cli.Layout;

/// <summary>A layout as people read it: regions with sizes and formulas, a picture of them, the kernel's place, and the zones of memory.</summary>
internal static class LayoutText
{
    private const int PageShift = 12;

    public static void Write(ToolConsole console, LayoutReport report)
    {
        KernelLayout layout = report.Layout;
        string random = layout.Options.Seed.IsOn ? $"randomised ({layout.Options.Seed})" : "not randomised";
        console.Output.WriteLine(console.Paint($"Linux {report.Name}: {report.Levels} levels of page tables, {Quantity.Bytes(report.RamBytes)} of memory, {random}", Ink.Bold));
        console.Output.WriteLine();
        WriteRegions(console, report);
        Title(console, "Picture (a column for each doubling of the size, high addresses first)");
        WritePicture(console, report);
        Title(console, "User space: the next program, with a stack of 8 MiB");
        var places = new TextTable("address", "what", "formula");
        foreach (UserPlace place in report.Places) places.Add(Address(report, place.Address), place.Name, place.Formula);
        places.Write(console);
        Title(console, "Kernel");
        WriteKernel(console, report);
        Title(console, "Physical memory");
        var zones = new TextTable("zone", "first page", "end", ">size", ">managed pages");
        foreach (ZoneExtent zone in report.Zones)
        {
            if (zone.Start < zone.End)
            {
                zones.Add(zone.Name, $"{zone.Start << PageShift:x}", $"{zone.End << PageShift:x}", Quantity.Bytes(zone.Present << PageShift), Quantity.Count((long)zone.Managed));
            }
        }

        zones.Write(console);
    }

    private static void WriteRegions(ToolConsole console, LayoutReport report)
    {
        var table = new TextTable("first", "last", ">size", "region", "formula");
        foreach (KernelRegion region in report.Layout.Regions)
        {
            table.Add(Address(report, region.First), Address(report, region.Last), Quantity.Bytes(region.Bytes), region.Kind.Name(report.Width == 64), region.Formula);
        }

        table.Write(console);
    }

    private static void WritePicture(ToolConsole console, LayoutReport report)
    {
        foreach (KernelRegion region in report.Layout.Regions.Reverse())
        {
            int length = BitOperations.Log2(region.Bytes) - PageShift + 1;
            bool empty = region.Kind is KernelRegionKind.Hole or KernelRegionKind.NonCanonical or KernelRegionKind.GuardHole or KernelRegionKind.UserGuard;
            Ink ink = empty ? Ink.Dim : region.Kind == KernelRegionKind.User ? Ink.Green : region.Kind == KernelRegionKind.DirectMap ? Ink.Bold : Ink.Yellow;
            string bar = console.Paint(new string(empty ? '.' : '#', length), ink);
            console.Output.WriteLine($"  {Address(report, region.First)}  {bar} {region.Kind.Name(report.Width == 64)}, {Quantity.Bytes(region.Bytes)}");
        }
    }

    private static void WriteKernel(ToolConsole console, LayoutReport report)
    {
        KernelLayout layout = report.Layout;
        var table = new TextTable("", "", "");
        table.Add("text", Address(report, layout.ImageStart), $"at physical {layout.ImagePhysical:x}, {Quantity.Bytes(layout.Image.TextBytes)}");
        table.Add("constants", Address(report, layout.ImageStart + layout.Image.RodataOffset), Quantity.Bytes(layout.Image.RodataBytes));
        table.Add("data", Address(report, layout.ImageStart + layout.Image.DataOffset), Quantity.Bytes(layout.Image.DataBytes));
        if (layout.Vmemmap != 0)
        {
            table.Add("descriptors", Address(report, layout.Vmemmap), $"at physical {layout.DescriptorMemory.Start.Value:x}, {Quantity.Bytes(layout.DescriptorMemory.Length)}, {layout.Options.PageDescriptorBytes} bytes a page");
            table.Add("__pa(x)", "", $"x - {layout.DirectMap:x}; of text and data x - {Layout64.KernelImage:x} + {layout.PhysicalBase:x}");
        }
        else
        {
            table.Add("__pa(x)", "", $"x - {layout.DirectMap:x}");
            ulong high = layout.Options.MemoryEnd > layout.DirectMapped ? layout.Options.MemoryEnd - layout.DirectMapped : 0;
            table.Add("high memory", "", high == 0 ? "none: the direct map shows everything" : $"from physical {layout.DirectMapped:x}, through {layout.Areas32!.PkmapSlots} slots of kmap and {Layout32.LocalMapsPerProcessor} of each processor");
        }

        table.Write(console);
    }

    private static void Title(ToolConsole console, string title)
    {
        console.Output.WriteLine();
        console.Output.WriteLine(console.Paint(title, Ink.Bold));
    }

    private static string Address(LayoutReport report, ulong address) => Quantity.Address(address, report.Width);
}
