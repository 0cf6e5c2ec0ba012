using BenchmarkDotNet.Attributes;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does switching cost: address spaces of 64 pages each, protection keys, AC, and the 64 accesses after it?</summary>
public class ContextSwitch
{
    private const int Pages = 64;

    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private ulong _first;
    private ulong _second;
    private uint _pkru;

    [Params(false, true)]
    public bool Pcid { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages);
        PageMapper other = _guest.CreateSpace((ulong)Pages);
        _mmu = _guest.CreateMmu();
        _first = _guest.Space.Root.Value;
        _second = other.Root.Value;
        if (!Pcid) return;
        _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.PcideBit);
        _first |= Cr3.NoFlushBit | 1;
        _second |= Cr3.NoFlushBit | 2;
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(Baseline = true)]
    public ulong NoSwitch() => TouchAll() + TouchAll();

    [Benchmark]
    public ulong AddressSpaceAndBack()
    {
        _mmu.WriteCr3(_second);
        ulong sum = TouchAll();
        _mmu.WriteCr3(_first);
        return sum + TouchAll();
    }

    [Benchmark]
    public ulong ProtectionKeysTwice()
    {
        _mmu.WritePkru(_pkru ^= 0b1100);
        ulong sum = TouchAll();
        _mmu.WritePkru(_pkru ^= 0b1100);
        return sum + TouchAll();
    }

    [Benchmark]
    public ulong PrivilegeAndBack()
    {
        _mmu.SetCpl(0);
        ulong sum = TouchAll();
        _mmu.SetCpl(3);
        return sum + TouchAll();
    }

    private ulong TouchAll()
    {
        ulong sum = 0;
        for (ulong page = 0; page < Pages; page++) sum += _mmu.Translate(Guest.FirstLinear + (page << 12)).Physical.Value;
        return sum;
    }
}
