using System.Numerics;

namespace FastMmu.Linux.Physical;

// What the kernel computes once it knows its memory. Source: mm/page_alloc.c, functions init_per_zone_wmark_min, __setup_per_zone_wmarks,
// setup_per_zone_lowmem_reserve, zone_batchsize and zone_highsize of Linux 6.18.
public sealed unsafe partial class PageAllocator
{
    private const ulong LeastMinFreeKilobytes = 128;
    private const ulong MostMinFreeKilobytes = 262144;

    private void Start()
    {
        _start1 = _zones[1].Spanned > 0 ? _zones[1].Start : ulong.MaxValue;
        _start2 = _zones[2].Spanned > 0 ? _zones[2].Start : ulong.MaxValue;
        _start3 = _zones[3].Spanned > 0 ? _zones[3].Start : ulong.MaxValue;
        RepairBounds();
        _zoneLists = new Zone[_zones.Length][];
        for (int highest = 0; highest < _zones.Length; highest++)
        {
            _zoneLists[highest] = [.. _zones.Take(highest + 1).Where(z => z.Managed > 0).Reverse()];
        }

        foreach (Zone zone in _zones) ManagedPages += zone.Managed;
        MinFreeKilobytes = Options.MinFreeKilobytes ?? ComputeMinFree();
        SetWatermarks();
        SetReserves();
        for (int cpu = 0; cpu < Options.Processors; cpu++)
        {
            foreach (Zone zone in _zones) SetLimits(_perCpu + (cpu * ZonePlan.MostZones) + zone.Index, zone);
        }

        int place = PlaceOf(ZoneType.Movable);
        _userZone = _zoneLists[place][0];
        _userMark = (long)_userZone.WatermarkOf(Watermark.Low) + _userZone.ReserveAgainst(place);
    }

    private int PlaceOf(ZoneType type) => ZonePlan.PlaceOf(type, Kernel.KernelArchitectures.Is64Bit(Options.Architecture));

    // An empty zone between two others begins where the next one does, so that counting starts finds the right one.
    private void RepairBounds()
    {
        if (_start2 == ulong.MaxValue) _start2 = _start3;
        if (_start1 == ulong.MaxValue) _start1 = _start2;
    }

    private ulong ComputeMinFree()
    {
        ulong low = LowPages();
        ulong kilobytes = Math.Clamp(SquareRoot(low * 4 * 16), LeastMinFreeKilobytes, MostMinFreeKilobytes);
        if (!Options.TransparentHugePages) return kilobytes;
        // Two free page blocks in each zone, and as many as there are pairs of kinds so that none has to borrow; at most a twentieth.
        ulong zones = (ulong)_zones.Count(z => z.Managed > 0 && z.Type is not (ZoneType.HighMem or ZoneType.Movable));
        ulong blocks = zones * (2 + (PerCpuPages.Kinds * PerCpuPages.Kinds));
        return Math.Max(kilobytes, Math.Min(blocks << Zone.BlockOrder, low / 20) * 4);
    }

    private ulong LowPages()
    {
        ulong pages = 0;
        foreach (Zone zone in _zones)
        {
            if (zone.Type is not (ZoneType.HighMem or ZoneType.Movable)) pages += zone.Managed;
        }

        return pages;
    }

    private void SetWatermarks()
    {
        ulong all = MinFreeKilobytes / 4;
        ulong low = Math.Max(LowPages(), 1);
        foreach (Zone zone in _zones)
        {
            ulong share = (ulong)((UInt128)all * zone.Managed / low);
            ulong distance = Math.Max(share / 4, (ulong)((UInt128)zone.Managed * (ulong)Options.WatermarkScaleFactor / 10000));
            bool high = zone.Type is ZoneType.HighMem or ZoneType.Movable;
            zone.SetWatermarks(high ? Math.Clamp(zone.Managed / 1024, 32, 128) : share, distance);
        }
    }

    private void SetReserves()
    {
        bool is64Bit = Kernel.KernelArchitectures.Is64Bit(Options.Architecture);
        // The zone of devices' memory has a place, but no pages.
        int places = _zones.Length + (is64Bit ? 1 : 0);
        for (int i = 0; i < _zones.Length; i++)
        {
            var reserve = new ulong[places];
            int ratio = Options.LowmemReserve.Of(_zones[i].Type);
            ulong above = 0;
            for (int j = i + 1; j < places; j++)
            {
                if (j < _zones.Length) above += _zones[j].Managed;
                reserve[j] = ratio <= 0 || _zones[i].Managed == 0 ? 0 : above / (ulong)ratio;
            }

            _zones[i].SetLowmemReserve(reserve);
        }
    }

    private void SetLimits(PerCpuPages* pages, Zone zone)
    {
        ulong batch = Math.Min(zone.Managed >> 12, 64);
        pages->Batch = batch <= 1 ? 1 : (int)BitOperations.RoundUpToPowerOf2((batch + (batch / 2)) + 1) / 2 - 1;
        ulong least = 4 * (ulong)pages->Batch;
        pages->HighMin = (int)Math.Min(int.MaxValue, Math.Max(zone.WatermarkOf(Watermark.Low) / (ulong)Options.Processors, least));
        pages->HighMax = (int)Math.Min(int.MaxValue, Math.Max(zone.Managed / 8 / (ulong)Options.Processors, least));
        pages->High = pages->HighMin;
    }

    private static ulong SquareRoot(ulong value)
    {
        ulong root = (ulong)Math.Sqrt(value);
        while ((UInt128)root * root > value) root--;
        while ((UInt128)(root + 1) * (root + 1) <= value) root++;
        return root;
    }
}
