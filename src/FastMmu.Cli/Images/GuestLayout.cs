using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Cli.Images;

/// <summary>Names for the addresses of one address space: the regions of the kernel's layout, and the areas of the process that lives there.</summary>
internal sealed class GuestLayout
{
    /// <summary>How many pages are looked at one by one. Few machines have as many; tables that share tables may map 2^36.</summary>
    public const long MostPages = 1 << 20;

    private readonly List<LayoutRegion> _regions;

    private GuestLayout(List<LayoutRegion> regions, IReadOnlyList<MapsArea> areas, IReadOnlyDictionary<string, ulong> symbols, string process)
    {
        _regions = regions;
        Areas = areas;
        Process = process;
        Symbols = symbols;
    }

    /// <summary>The regions, by ascending address.</summary>
    public IReadOnlyList<LayoutRegion> Regions => _regions;

    /// <summary>The areas of the process, by ascending address; empty if they were not recorded.</summary>
    public IReadOnlyList<MapsArea> Areas { get; }

    /// <summary>Who lives in the address space: <c>probe (process 114)</c>, or empty.</summary>
    public string Process { get; }

    private IReadOnlyDictionary<string, ulong> Symbols { get; }

    /// <summary>Reads the layout off the tables and the files of a guest.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="state">The registers that select the address space; paging is on.</param>
    /// <exception cref="InputException">A file of areas is damaged.</exception>
    public static GuestLayout Create(RecordedGuest guest, in PagingState state)
    {
        GuestDescription description = guest.Description;
        if (description.Synthetic) return new(Halves(state.Mode), [], description.Symbols, "");
        var stretches = new List<MappedStretch>();
        foreach (MappedRange range in new AddressSpaceView(guest.Memory, in state).Ranges(pageLimit: MostPages))
        {
            stretches.Add(new(range.Range.Start.Value, range.Physical.Value, range.Range.Length, range.Rights.HasFlag(Rights.User)));
        }

        List<LayoutRegion> regions = state.Mode is PagingMode.FourLevel or PagingMode.FiveLevel
            ? LinuxLayout64.Create(state.Mode, description.Symbols, stretches)
            : LinuxLayout32.Create(state.Mode, description.Idt?.Base, stretches);
        (int? pid, string process) = description.ProcessOf(state.Cr3.Value);
        return new(regions, ReadAreas(guest.Directory, description, pid), description.Symbols, process);
    }

    /// <summary>The region of an address, or null.</summary>
    public LayoutRegion? RegionOf(ulong linear)
    {
        foreach (LayoutRegion region in _regions)
        {
            if (linear >= region.First && linear <= region.Last) return region;
        }

        return null;
    }

    /// <summary>The area of the process that an address lies in, or null.</summary>
    public MapsArea? AreaOf(ulong linear)
    {
        int low = 0, high = Areas.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Areas[middle].End <= linear) low = middle + 1;
            else high = middle;
        }

        return low < Areas.Count && Areas[low].Start <= linear ? Areas[low] : null;
    }

    /// <summary>The nearest kernel symbol at or below an address, with the distance: <c>_stext+0x1000</c>; empty if there is none in 16 MiB.</summary>
    public string SymbolOf(ulong linear)
    {
        string name = "";
        ulong distance = 16 * ByteSize.MiB;
        foreach ((string symbol, ulong address) in Symbols)
        {
            // Symbols below this are offsets into each processor's own data.
            if (address < 1UL << 31 || address > linear || linear - address >= distance) continue;
            (name, distance) = (symbol, linear - address);
        }

        return name.Length == 0 ? "" : distance == 0 ? name : $"{name}+0x{distance:x}";
    }

    private static List<LayoutRegion> Halves(PagingMode mode)
    {
        int width = mode switch { PagingMode.FourLevel => 48, PagingMode.FiveLevel => 57, _ => 0 };
        return width == 0
            ? [new(0, uint.MaxValue, "all")]
            : [new(0, (1UL << (width - 1)) - 1, "lower half"), new(ulong.MaxValue << (width - 1), ulong.MaxValue, "upper half")];
    }

    private static IReadOnlyList<MapsArea> ReadAreas(CaseDirectory directory, GuestDescription description, int? pid)
    {
        if (pid is null) return [];
        if (directory.Find("all_maps.txt") is string all)
        {
            IReadOnlyList<MapsArea> areas = ProcessMapsReader.Read(all, pid);
            if (areas.Count > 0) return areas;
        }

        bool own = description.MapsPid is null ? description.RunningPids.Contains(pid.Value) : description.MapsPid == pid;
        return own && directory.Find("maps.txt") is string running ? ProcessMapsReader.Read(running, pid) : [];
    }
}
