namespace FastMmu.Linux.Physical;

/// <summary>vm.lowmem_reserve_ratio: a zone keeps back one page for so many pages above it.</summary>
/// <param name="Dma">Of <see cref="ZoneType.Dma"/>.</param>
/// <param name="Dma32">Of <see cref="ZoneType.Dma32"/>.</param>
/// <param name="Normal">Of <see cref="ZoneType.Normal"/>.</param>
public readonly record struct LowmemReserveRatio(int Dma, int Dma32, int Normal)
{
    /// <summary>The ratio of a zone; zero for those that keep nothing back.</summary>
    /// <param name="zone">The zone.</param>
    public int Of(ZoneType zone) => zone switch
    {
        ZoneType.Dma => Dma,
        ZoneType.Dma32 => Dma32,
        ZoneType.Normal => Normal,
        _ => 0,
    };
}
