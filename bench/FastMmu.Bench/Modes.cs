using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>
/// What does a hit cost in each mode: with paging, without, and where the embedder fills the table? And a miss, where he answers it at once? And what of it in a batch? The
/// first is what the others are to be compared with.
/// </summary>
public class Modes
{
    private const int Count = 1024;
    private const ulong Pages = 512;
    private const ulong ManyPages = 65536;

    private Guest _guest = null!;
    private Mmu _paged = null!, _unpaged = null!, _observed = null!;
    private SoftTlb _soft = null!;
    private ulong[] _addresses = [], _low = [], _unusual = [], _scattered = [], _physical = [];

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
        _unusual = [.. _addresses.Select(a => a | (0xcUL << 60))];
        _scattered = Guest.RandomAddresses(ManyPages, 16 * Count);
        _physical = new ulong[16 * Count];
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
    public int BatchUnpaged() => _unpaged.TranslateBatch(_low, Results(Count), Access.Read, Privilege.User).Translated;

    [Benchmark(OperationsPerInvoke = Count)]
    public int BatchPaged() => _paged.TranslateBatch(_addresses, Results(Count), Access.Read, Privilege.User).Translated;

    [Benchmark(OperationsPerInvoke = Count)]
    public int BatchByTranslator() => _soft.TranslateBatch(_addresses, Results(Count), Access.Read, Privilege.User).Translated;

    [Benchmark(OperationsPerInvoke = Count)]
    public int OneByOneByTranslator() => TranslateOneByOne(_addresses);

    /// <summary>Addresses whose upper sixteen bits are neither all zeros nor all ones.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int BatchOfUnusualAddresses() => _soft.TranslateBatch(_unusual, Results(Count), Access.Read, Privilege.User).Translated;

    [Benchmark(OperationsPerInvoke = 16 * Count)]
    public int BatchThatMisses() => _soft.TranslateBatch(_scattered, Results(16 * Count), Access.Read, Privilege.User).Translated;

    [Benchmark(OperationsPerInvoke = 16 * Count)]
    public int OneByOneThatMisses() => TranslateOneByOne(_scattered);

    private Span<ulong> Results(int count) => _physical.AsSpan(0, count);

    private int TranslateOneByOne(ulong[] addresses)
    {
        int translated = 0;
        for (int i = 0; i < addresses.Length; i++)
        {
            if (!_soft.TryTranslate(addresses[i], Access.Read, Privilege.User, out PhysicalAddress physical)) continue;
            _physical[i] = physical.Value;
            translated++;
        }

        return translated;
    }

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
            // Again and again the same pages.
            page = new(linear & ((Pages << 12) - 1));
            return true;
        }
    }
}
