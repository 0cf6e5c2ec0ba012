namespace FastMmu.Linux.Physical;

/// <summary>A zone: a range of page frames with its free lists, watermarks and reserves.</summary>
/// <remarks>Sources: include/linux/mmzone.h, mm/page_alloc.c of Linux 6.18.</remarks>
public sealed partial class Zone
{
    private readonly bool _is64Bit;
    private readonly ulong[] _watermarks = new ulong[4];
    private ulong[] _lowmemReserve = [];

    internal unsafe Zone(ZoneType type, int index, ulong start, ulong end, bool is64Bit, PageFrame* map, byte* blockTypes)
    {
        Type = type;
        _is64Bit = is64Bit;
        Index = index;
        Start = start;
        End = end;
        _map = map;
        _blockTypes = blockTypes;
    }

    /// <summary>Which zone it is.</summary>
    public ZoneType Type { get; }

    /// <summary>Its name in the texts of /proc: <c>DMA32</c>.</summary>
    public string Name => NameOf(Type);

    /// <summary>The first page frame number (zone_start_pfn).</summary>
    public ulong Start { get; }

    /// <summary>The page frame number behind the last.</summary>
    public ulong End { get; }

    /// <summary>Pages from start to end, holes included.</summary>
    public ulong Spanned => End - Start;

    /// <summary>Pages that exist.</summary>
    public ulong Present { get; internal set; }

    /// <summary>Pages that the allocator was given: those present without what was reserved at the start.</summary>
    public ulong Managed { get; internal set; }

    /// <summary>Pages in the free lists (NR_FREE_PAGES); those that processors keep are not among them.</summary>
    public long FreePages => Free;

    /// <summary>Pages in free blocks of at least a whole page block (NR_FREE_PAGES_BLOCKS).</summary>
    public long FreePagesInWholeBlocks
    {
        get
        {
            long pages = 0;
            for (int order = BlockOrder; order <= MaxOrder; order++) pages += FreeBlocks(order) << order;
            return pages;
        }
    }

    /// <summary>Pages of tables that were taken from it.</summary>
    public long PageTablePages { get; internal set; }

    /// <summary>Where it comes in the order of zones, counting only zones that this architecture has.</summary>
    internal int Index { get; }

    /// <summary>How many free pages may be left.</summary>
    /// <param name="mark">Which mark.</param>
    /// <returns>Pages.</returns>
    public ulong WatermarkOf(Watermark mark) => _watermarks[(int)mark];

    /// <summary>
    /// Pages of this zone that a request keeps its hands off if it could have been served from a higher one (lowmem_reserve), by that
    /// higher zone's place in the order of zones.
    /// </summary>
    public IReadOnlyList<ulong> LowmemReserve => _lowmemReserve;

    /// <summary>Whether a request may be served without sinking below a mark, and whether a block of its size is there (zone_watermark_ok).</summary>
    /// <param name="order">The request: 2^order pages.</param>
    /// <param name="mark">Which mark.</param>
    /// <param name="highest">The highest zone that could serve the request.</param>
    /// <param name="urgency">How far below the mark the request may go.</param>
    public bool WatermarkOk(int order, Watermark mark, ZoneType highest, AllocationUrgency urgency = AllocationUrgency.None)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, MaxOrder);
        return WatermarkOk(order, (long)_watermarks[(int)mark], ReserveAgainst(ZonePlan.PlaceOf(highest, _is64Bit)), urgency);
    }

    /// <summary>The name of a zone in the texts of /proc.</summary>
    internal static string NameOf(ZoneType type) => type switch
    {
        ZoneType.Dma => "DMA",
        ZoneType.Dma32 => "DMA32",
        _ => type.ToString(),
    };

    internal void SetWatermarks(ulong min, ulong distance)
    {
        for (int i = 0; i < _watermarks.Length; i++) _watermarks[i] = min + ((ulong)i * distance);
    }

    internal void SetLowmemReserve(ulong[] reserve) => _lowmemReserve = reserve;

    internal bool WatermarkOk(int order, long mark, long reserve, AllocationUrgency urgency)
    {
        long min = mark;
        if ((urgency & AllocationUrgency.MinReserve) != 0) min -= min / 2;
        if ((urgency & AllocationUrgency.NonBlocking) != 0) min -= min / 4;
        if ((urgency & AllocationUrgency.OutOfMemory) != 0) min -= min / 2;
        if (Free - ((1L << order) - 1) <= min + reserve) return false;
        if (order == 0) return true;
        for (int at = order; at <= MaxOrder; at++)
        {
            if (FreeBlocks(at) > 0) return true;
        }

        return false;
    }

    internal long ReserveAgainst(int highest) => (long)_lowmemReserve[highest];
}
