using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>
/// What does a hit cost in each mode: with paging, without, and where the embedder fills the table? And a miss, where he answers it at once? The first is what the others
/// are to be compared with.
/// </summary>
public class Modes
{
    private const int Count = 1024;
    private const ulong Pages = 512;

    private Guest _guest = null!;
    private Mmu _paged = null!, _unpaged = null!, _observed = null!;
    private SoftTlb _soft = null!;
    private ulong[] _addresses = [], _low = [], _physical = [];

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages);
        _paged = _guest.CreateMmu();
        _unpaged = new Mmu(_guest.Memory, ProcessorFeatures.Zen4);
        _observed = _guest.CreateMmu();
        _observed.WalkObserver = new Nobody();
        _observed.WalkObserver = null;
        _soft = new SoftTlb(_guest.Memory, new Shifted());
        _addresses = Guest.RandomAddresses(Pages, Count);
        _low = [.. _addresses.Select(a => a - Guest.FirstLinear)];
        _physical = new ulong[Count];
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _paged.Dispose();
        _unpaged.Dispose();
        _observed.Dispose();
        _soft.Dispose();
        _guest.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public ulong ReadPaged() => Read(_paged, _addresses);

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong ReadAfterAnObserverLeft() => Read(_observed, _addresses);

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong ReadUnpaged() => Read(_unpaged, _low);

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong ReadByTranslator()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            _soft.TryRead(address, out ulong value);
            sum += value;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong MissByTranslator()
    {
        _soft.InvalidateAll();
        ulong sum = 0;
        for (ulong page = 0; page < Count; page++)
        {
            _soft.TryRead(Guest.FirstLinear + ((page % Pages) << 12) + (page / Pages << 40), out ulong value);
            sum += value;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int BatchUnpaged() => _unpaged.TranslateBatch(_low, _physical, Access.Read, Privilege.User).Translated;

    private static ulong Read(Mmu mmu, ulong[] addresses)
    {
        ulong sum = 0;
        foreach (ulong address in addresses)
        {
            mmu.TryRead(address, out ulong value, out _);
            sum += value;
        }

        return sum;
    }

    private sealed class Nobody : IWalkObserver
    {
        public void OnWalk(Mmu mmu, in PageWalk walk)
        {
        }
    }

    private sealed class Shifted : ILinearTranslator
    {
        public bool TryTranslate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page)
        {
            page = new((linear & ((1UL << 40) - 1)) - Guest.FirstLinear);
            return true;
        }
    }
}
