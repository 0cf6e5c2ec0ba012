using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Memory;

namespace FastMmu.Cli.Layout;

/// <summary>Everything that <c>fastmmu layout</c> shows.</summary>
/// <param name="Name">The architecture as it was named.</param>
/// <param name="RamBytes">Memory.</param>
/// <param name="Layout">The division of addresses.</param>
/// <param name="Places">Where the next program goes in the user's part, by ascending address.</param>
/// <param name="Zones">The division of memory.</param>
internal sealed record LayoutReport(string Name, ulong RamBytes, KernelLayout Layout, IReadOnlyList<UserPlace> Places, IReadOnlyList<ZoneExtent> Zones)
{
    public static LayoutReport Create(string name, ulong ram, KernelLayoutOptions options)
    {
        var layout = new KernelLayout(options);
        MemoryRange[] ranges = ram <= 3 * ByteSize.GiB
            ? [new(0UL, ram)]
            : [new(0UL, 3 * ByteSize.GiB), new(4 * ByteSize.GiB, ram - (3 * ByteSize.GiB))];
        return new(name, ram, layout, UserPlace.Of(layout), PageAllocator.PlanZones(ranges, layout.AllocatorOptions()));
    }

    /// <summary>Levels of page tables.</summary>
    public int Levels => Layout.Architecture switch
    {
        KernelArchitecture.I386 => 2,
        KernelArchitecture.I386Pae => 3,
        KernelArchitecture.X8664 => 4,
        _ => 5,
    };

    /// <summary>Bits of an address.</summary>
    public int Width => Layout.Architecture.Is64Bit() ? 64 : 32;
}
