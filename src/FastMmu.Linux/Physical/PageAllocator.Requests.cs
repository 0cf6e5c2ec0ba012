using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Physical;

// From a request to a zone: which zones may serve it, how far below their watermarks, and the lists of the processor.
public sealed unsafe partial class PageAllocator
{
    private readonly Zone[] _zones;
    // By the highest zone that may serve a request: the zones with pages, best first.
    private Zone[][] _zoneLists = [];
    private ulong _start1 = ulong.MaxValue;
    private ulong _start2 = ulong.MaxValue;
    private ulong _start3 = ulong.MaxValue;
    private Zone _userZone = null!;
    private long _userMark;

    /// <summary>The zones of this architecture, by ascending address; some may be empty.</summary>
    public IReadOnlyList<Zone> Zones => _zones;

    /// <summary>Pages that were given to the allocator (totalram_pages).</summary>
    public ulong ManagedPages { get; private set; }

    /// <summary>vm.min_free_kbytes as set or computed.</summary>
    public ulong MinFreeKilobytes { get; private set; }

    /// <summary>Pages in the free lists and in the lists of the processors.</summary>
    public long FreePages
    {
        get
        {
            long pages = 0;
            foreach (Zone zone in _zones) pages += zone.Free;
            for (int i = 0; _perCpu != null && i < Options.Processors * ZonePlan.MostZones; i++) pages += _perCpu[i].Count;
            return pages;
        }
    }

    /// <summary>The zone of a page frame.</summary>
    /// <param name="frame">Its number; beyond the last it is the highest zone.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Zone ZoneOf(ulong frame) => _zones[IndexOf(frame)];

    /// <summary>Gives all pages that processors keep back to the free lists (drain_all_pages).</summary>
    public void Drain()
    {
        ObjectDisposedException.ThrowIf(_map == null, this);
        for (int cpu = 0; cpu < Options.Processors; cpu++)
        {
            foreach (Zone zone in _zones)
            {
                PerCpuPages* pages = _perCpu + (cpu * ZonePlan.MostZones) + zone.Index;
                GiveUp(pages, zone, pages->Count);
            }
        }
    }

    internal PerCpuPages PerCpu(int processor, Zone zone) => _perCpu[(processor * ZonePlan.MostZones) + zone.Index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int IndexOf(ulong frame) => (frame >= _start1 ? 1 : 0) + (frame >= _start2 ? 1 : 0) + (frame >= _start3 ? 1 : 0);

    private static MigrateType KindOf(GfpFlags gfp) => (gfp & (GfpFlags.Movable | GfpFlags.Reclaimable)) switch
    {
        GfpFlags.Movable => MigrateType.Movable,
        GfpFlags.Reclaimable => MigrateType.Reclaimable,
        0 => MigrateType.Unmovable,
        _ => throw new ArgumentException("A page is movable or reclaimable, not both.", nameof(gfp)),
    };

    // The table of zones by modifiers (gfp_zone); two zones at once are a mistake of the caller's.
    private static ZoneType HighestZone(GfpFlags gfp) => (gfp & (GfpFlags.Dma | GfpFlags.Dma32 | GfpFlags.HighMem)) switch
    {
        0 => ZoneType.Normal,
        GfpFlags.Dma => ZoneType.Dma,
        GfpFlags.Dma32 => ZoneType.Dma32,
        GfpFlags.HighMem => (gfp & GfpFlags.Movable) != 0 ? ZoneType.Movable : ZoneType.HighMem,
        _ => throw new ArgumentException($"Zones exclude each other: {gfp}.", nameof(gfp)),
    };

    private static AllocationUrgency UrgencyOf(GfpFlags gfp)
    {
        if ((gfp & GfpFlags.High) == 0) return AllocationUrgency.None;
        return (gfp & (GfpFlags.DirectReclaim | GfpFlags.NoMemAlloc)) == 0
            ? AllocationUrgency.MinReserve | AllocationUrgency.NonBlocking
            : AllocationUrgency.MinReserve;
    }

    private bool TryFind(GfpFlags gfp, int order, MigrateType type, out ulong frame)
    {
        int highest = PlaceOf(HighestZone(gfp));
        Zone[] zones = _zoneLists[highest];
        // While a lower zone could help out, the best one is not made to mix kinds.
        bool keepKinds = zones.Length > 1 && zones[0].Type == ZoneType.Normal && zones[1].Type == ZoneType.Dma32;
        if (keepKinds && TryZones(zones, highest, order, type, Watermark.Low, AllocationUrgency.None, mayFragment: false, out frame)) return true;
        if (TryZones(zones, highest, order, type, Watermark.Low, AllocationUrgency.None, mayFragment: true, out frame)) return true;
        AllocationUrgency urgency = UrgencyOf(gfp);
        if (TryZones(zones, highest, order, type, Watermark.Min, urgency, mayFragment: true, out frame)) return true;
        Drain();
        if (TryZones(zones, highest, order, type, Watermark.Min, urgency, mayFragment: true, out frame)) return true;
        if ((gfp & (GfpFlags.MemAlloc | GfpFlags.NoMemAlloc)) != GfpFlags.MemAlloc) return false;
        foreach (Zone zone in zones)
        {
            if (TryTake(zone, order, type, mayFragment: true, out frame)) return true;
        }

        return false;
    }

    private bool TryZones(
        Zone[] zones, int highest, int order, MigrateType type, Watermark mark, AllocationUrgency urgency, bool mayFragment, out ulong frame)
    {
        foreach (Zone zone in zones)
        {
            if (zone.WatermarkOk(order, (long)zone.WatermarkOf(mark), zone.ReserveAgainst(highest), urgency)
                && TryTake(zone, order, type, mayFragment, out frame))
            {
                return true;
            }
        }

        frame = 0;
        return false;
    }

    private bool TryTake(Zone zone, int order, MigrateType type, bool mayFragment, out ulong frame)
    {
        if (!PerCpuPages.Keeps(order)) return zone.TryTake(order, type, mayFragment, out frame);
        PerCpuPages* pages = _local + zone.Index;
        int list = PerCpuPages.ListOf(order, type);
        frame = pages->Heads[list];
        if (frame == 0)
        {
            int wanted = order == 0 ? pages->Batch : Math.Max(pages->Batch >> order, 2);
            for (; wanted > 0 && zone.TryTake(order, type, mayFragment, out ulong taken); wanted--) AddTail(pages, list, taken, 1 << order);
            frame = pages->Heads[list];
            if (frame == 0) return false;
        }

        TakeHead(pages, list, frame, 1 << order);
        return true;
    }

    private void GiveBack(ulong frame, int order)
    {
        int index = IndexOf(frame);
        Zone zone = _zones[index];
        if (!PerCpuPages.Keeps(order))
        {
            zone.PutBack(frame, order);
            return;
        }

        PerCpuPages* pages = _local + index;
        MigrateType type = zone.BlockType(frame);
        AddHead(pages, PerCpuPages.ListOf(order, type < MigrateType.HighAtomic ? type : MigrateType.Movable), frame, 1 << order);
        if (pages->Count >= pages->High) GiveUp(pages, zone, Math.Max(pages->Batch, pages->Count - pages->High));
    }

    // From the tails, the coldest first, a list at a time in turn.
    private void GiveUp(PerCpuPages* pages, Zone zone, int count)
    {
        count = Math.Min(count, pages->Count);
        while (count > 0)
        {
            int list = pages->NextList;
            pages->NextList = list + 1 == PerCpuPages.Lists ? 0 : list + 1;
            ulong frame = pages->Tails[list];
            if (frame == 0) continue;
            int order = PerCpuPages.OrderOf(list);
            ulong previous = _map[frame].Private;
            pages->Tails[list] = previous;
            if (previous != 0) _map[previous].Index = 0;
            else pages->Heads[list] = 0;
            pages->Count -= 1 << order;
            count -= 1 << order;
            zone.PutBack(frame, order);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TakeHead(PerCpuPages* pages, int list, ulong head, int size)
    {
        ulong next = _map[head].Index;
        pages->Heads[list] = next;
        if (next != 0) _map[next].Private = 0;
        else pages->Tails[list] = 0;
        pages->Count -= size;
    }

    private void AddHead(PerCpuPages* pages, int list, ulong frame, int size)
    {
        ulong next = pages->Heads[list];
        _map[frame].Index = next;
        _map[frame].Private = 0;
        if (next != 0) _map[next].Private = frame;
        else pages->Tails[list] = frame;
        pages->Heads[list] = frame;
        pages->Count += size;
    }

    private void AddTail(PerCpuPages* pages, int list, ulong frame, int size)
    {
        ulong previous = pages->Tails[list];
        _map[frame].Index = 0;
        _map[frame].Private = previous;
        if (previous != 0) _map[previous].Index = frame;
        else pages->Heads[list] = frame;
        pages->Tails[list] = frame;
        pages->Count += size;
    }
}
