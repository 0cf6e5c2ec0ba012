using BenchmarkDotNet.Attributes;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu.Bench;

/// <summary>What does a walk from the root cost in each paging mode, with nothing cached?</summary>
public class WalkByMode
{
    private const int Count = 1024;
    private const ulong Pages = 512;

    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private ulong[] _addresses = [];

    [Params(PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel)]
    public PagingMode Mode { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages, mode: Mode);
        _mmu = _guest.CreateMmu(new MmuOptions { Tlb = TlbPreset.None, PagingStructures = PagingStructureGeometry.None });
        _addresses = Guest.RandomAddresses(Pages, Count);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Access()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _mmu.Translate(address, Processor.Access.Read, Privilege.User).Physical.Value;
        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Probe()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _mmu.Probe(address, Processor.Access.Read, Privilege.User).Physical.Value;
        return sum;
    }
}
