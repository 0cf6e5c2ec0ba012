using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Memory;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Physical;

/// <summary>Where each zone begins and ends, and which of its pages are there and which are to be handed out.</summary>
internal sealed class ZonePlan
{
    internal const int MostZones = 4;

    private const int PageShift = 12;
    private const ulong FirmwareStart = 0x9f;
    private const ulong FirmwareEnd = 0x100;

    private readonly bool _is64Bit;
    private readonly ZoneType[] _types;
    private readonly ulong[] _bounds;
    private readonly List<(ulong Start, ulong End)> _present = [];
    private readonly List<(ulong Start, ulong End)> _managed = [];

    private ZonePlan(IEnumerable<MemoryRange> ranges, PageAllocatorOptions options)
    {
        _is64Bit = options.Architecture.Is64Bit();
        _types = TypesOf(_is64Bit);
        ulong last = LastFrame(options);
        foreach (MemoryRange range in ranges.OrderBy(r => r.Start.Value))
        {
            if (range.Kind != MemoryKind.Ram) continue;
            ulong start = range.Start.Value >> PageShift, end = Math.Min(range.End >> PageShift, last);
            if (start >= end) continue;
            // The first page, and on a PC of usual size the adapters and the BIOS below 1 MiB, are no RAM to the kernel.
            bool firmware = start == 0 && end > 16 * MiB >> PageShift;
            if (start == 0) start = 1;
            if (firmware)
            {
                _present.Add((start, FirmwareStart));
                start = FirmwareEnd;
            }

            if (start < end) _present.Add((start, end));
        }

        if (_present.Count == 0) throw new ArgumentException("There is no page of RAM to hand out.", nameof(ranges));
        Frames = _present[^1].End;
        _bounds = Bounds(options, _present[0].Start, Frames);
        bool usual = Frames > 16 * MiB >> PageShift;
        IReadOnlyList<PhysicalRange> reserved = options.Reserved ?? (usual ? [new PhysicalRange(0UL, MiB)] : []);
        (ulong Start, ulong End)[] holes = [.. reserved.Where(r => r.Length > 0)
            .Select(r => (Start: r.Start.Value >> PageShift, End: ((r.End - 1) >> PageShift) + 1)).OrderBy(r => r.Start)];
        foreach ((ulong start, ulong end) in _present)
        {
            ulong at = start;
            foreach ((ulong Start, ulong End) hole in holes)
            {
                if (hole.End <= at || hole.Start >= end) continue;
                if (hole.Start > at) _managed.Add((at, hole.Start));
                at = Math.Max(at, hole.End);
            }

            if (at < end) _managed.Add((at, end));
        }

        if (_managed.Count == 0) throw new ArgumentException("All RAM is reserved.", nameof(options));
    }

    /// <summary>The page frame number behind the last of RAM.</summary>
    internal ulong Frames { get; }

    internal static ZonePlan Create(IEnumerable<MemoryRange> ranges, PageAllocatorOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Processors, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Processors, 8192, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.WatermarkScaleFactor, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.WatermarkScaleFactor, 3000, nameof(options));
        return new(ranges, options);
    }

    /// <summary>The place of a zone among those of an architecture; a zone that it does not have is the next lower one.</summary>
    internal static int PlaceOf(ZoneType type, bool is64Bit) => is64Bit
        ? type switch { ZoneType.Dma => 0, ZoneType.Dma32 => 1, ZoneType.Normal or ZoneType.HighMem => 2, ZoneType.Movable => 3, _ => 4 }
        : type switch { ZoneType.Dma => 0, ZoneType.Dma32 or ZoneType.Normal => 1, ZoneType.HighMem => 2, _ => 3 };

    /// <summary>The zones, without a page descriptor touched.</summary>
    internal List<ZoneExtent> Extents()
    {
        var extents = new List<ZoneExtent>();
        for (int i = 0; i < _types.Length; i++)
        {
            ulong start = _bounds[i], end = _bounds[i + 1];
            extents.Add(new(_types[i], start, end, Count(_present, start, end), Count(_managed, start, end)));
        }

        return extents;
    }

    internal unsafe Zone[] CreateZones(PageFrame* map, byte* blockTypes)
    {
        var zones = new Zone[_types.Length];
        for (int i = 0; i < zones.Length; i++)
        {
            var zone = new Zone(_types[i], i, _bounds[i], _bounds[i + 1], _is64Bit, map, blockTypes) { IsPresent = HasPages };
            zone.Present = Count(_present, zone.Start, zone.End);
            foreach ((ulong start, ulong end) in _managed)
            {
                ulong from = Math.Max(zone.Start, start), to = Math.Min(zone.End, end);
                if (from < to) zone.Seed(from, to);
            }

            zones[i] = zone;
        }

        return zones;
    }

    private static ZoneType[] TypesOf(bool is64Bit) => is64Bit
        ? [ZoneType.Dma, ZoneType.Dma32, ZoneType.Normal, ZoneType.Movable]
        : [ZoneType.Dma, ZoneType.Normal, ZoneType.HighMem, ZoneType.Movable];

    // What the direct map has room for; 32-bit page tables without PAE reach 4 GiB.
    private static ulong LastFrame(PageAllocatorOptions options) => options.Architecture switch
    {
        KernelArchitecture.X8664 => 64 * TiB >> PageShift,
        KernelArchitecture.X8664La57 => 4096 * TiB >> PageShift,
        KernelArchitecture.I386Pae when options.HighMemory64G => 64 * GiB >> PageShift,
        KernelArchitecture.I386 or KernelArchitecture.I386Pae => 4 * GiB >> PageShift,
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Architecture, "Not an architecture."),
    };

    private static ulong Count(List<(ulong Start, ulong End)> ranges, ulong start, ulong end)
    {
        ulong pages = 0;
        foreach ((ulong Start, ulong End) range in ranges)
        {
            ulong from = Math.Max(start, range.Start), to = Math.Min(end, range.End);
            if (from < to) pages += to - from;
        }

        return pages;
    }

    private ulong[] Bounds(PageAllocatorOptions options, ulong first, ulong end)
    {
        ulong dma = 16 * MiB >> PageShift;
        ulong low = _is64Bit ? 4 * GiB >> PageShift : (options.LowMemoryEnd ?? 896 * MiB) >> PageShift;
        if (low < dma) throw new ArgumentException("Low memory must hold the zone for ISA devices.", nameof(options));
        ulong[] bounds = [0, dma, low, end, end];
        bounds[3] = MovableStart(options.MovableBytes >> PageShift, end)
            ?? throw new ArgumentException("All memory would be movable: nothing is left for the kernel.", nameof(options));
        for (int i = 0; i < bounds.Length; i++) bounds[i] = Math.Clamp(bounds[i], first, end);
        for (int i = bounds.Length - 2; i >= 0; i--) bounds[i] = Math.Min(bounds[i], bounds[i + 1]);
        return bounds;
    }

    // Counted from the top, only pages that are there; begins at a multiple of the largest block.
    private ulong? MovableStart(ulong pages, ulong end)
    {
        if (pages == 0) return end;
        for (int i = _present.Count - 1; i >= 0; i--)
        {
            (ulong start, ulong rangeEnd) = _present[i];
            if (rangeEnd - start >= pages)
            {
                ulong whole = 1UL << Zone.MaxOrder;
                return Math.Min(end, (rangeEnd - pages + whole - 1) & ~(whole - 1));
            }

            pages -= rangeEnd - start;
        }

        return null;
    }

    private bool HasPages(ulong block)
    {
        ulong start = block << Zone.BlockOrder, end = start + (1UL << Zone.BlockOrder);
        foreach ((ulong from, ulong to) in _present)
        {
            if (from < end && start < to) return true;
        }

        return false;
    }
}
