using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does an invalidation cost, and the translation after it?</summary>
public class Invalidation
{
    private const ulong Pages = 64;

    private Guest _guest = null!;
    private Guest _largeGuest = null!;
    private Mmu _mmu = null!;
    private Mmu _largeMmu = null!;

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages);
        _largeGuest = new Guest(Pages, PageSize.Size2M);
        _mmu = _guest.CreateMmu();
        _largeMmu = _largeGuest.CreateMmu();
        _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.PcideBit);
        for (ulong page = 0; page < Pages; page++)
        {
            _ = _mmu.Translate(Guest.FirstLinear + (page << 12), Access.Read);
            _ = _largeMmu.Translate(Guest.FirstLinear + (page << 21), Access.Read);
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _largeMmu.Dispose();
        _guest.Dispose();
        _largeGuest.Dispose();
    }

    [Benchmark]
    public Translation Invlpg()
    {
        _mmu.InvalidatePage(Guest.FirstLinear);
        return _mmu.Translate(Guest.FirstLinear, Access.Read);
    }

    [Benchmark]
    public Translation InvlpgInside2MiBPage()
    {
        _largeMmu.InvalidatePage(Guest.FirstLinear + 0x12_3000);
        return _largeMmu.Translate(Guest.FirstLinear, Access.Read);
    }

    [Benchmark]
    public Translation InvpcidSingleContext()
    {
        _mmu.InvalidatePcid((ulong)InvpcidType.SingleContext, 0);
        return _mmu.Translate(Guest.FirstLinear, Access.Read);
    }

    [Benchmark]
    public Translation Everything()
    {
        _mmu.InvalidateAll();
        return _mmu.Translate(Guest.FirstLinear, Access.Read);
    }
}
