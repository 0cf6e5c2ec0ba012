using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does an increment of guest memory cost that nobody else touches: as a read and a write, in one step, and as a load-linked and a store-conditional?</summary>
public class Atomics
{
    private const int Count = 1024;
    private const ulong Pages = 512;

    // Each method runs for some hundred microseconds before the last compilation of what it calls.
    private const int RoundsToCompile = 400;

    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private SoftTlb _soft = null!;
    private ulong[] _addresses = [];

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages);
        _mmu = _guest.CreateMmu();
        _soft = new SoftTlb(_guest.Memory, (SoftTlb _, ulong linear, Access _, Privilege _, out SoftPage page) =>
        {
            page = new(linear - Guest.FirstLinear);
            return true;
        });
        _addresses = [.. Guest.RandomAddresses(Pages, Count).Select(a => a & ~7UL)];
        for (int i = 0; i < RoundsToCompile; i++)
        {
            ReadAndWrite();
            FetchAdd();
            CompareExchange();
            FetchAddAcrossWords();
            Exclusive();
            SoftReadAndWrite();
            SoftFetchAdd();
            SoftExclusive();
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _soft.Dispose();
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public void ReadAndWrite()
    {
        foreach (ulong address in _addresses)
        {
            _mmu.TryRead(address, out ulong value, out _);
            _mmu.TryWrite(address, value + 1, out _);
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void FetchAdd()
    {
        foreach (ulong address in _addresses) _mmu.TryFetchAdd(address, 1UL, out _, out _);
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void CompareExchange()
    {
        foreach (ulong address in _addresses)
        {
            _mmu.TryRead(address, out ulong value, out _);
            _mmu.TryCompareExchange(address, value + 1, value, out _, out _);
        }
    }

    /// <summary>Across a multiple of eight bytes, within a line.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public void FetchAddAcrossWords()
    {
        foreach (ulong address in _addresses) _mmu.TryFetchAdd((address & ~63UL) + 5, 1UL, out _, out _);
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void Exclusive()
    {
        foreach (ulong address in _addresses)
        {
            _mmu.TryReadExclusive(address, out ulong value, out _);
            _mmu.TryWriteExclusive(address, value + 1, out _, out _);
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void SoftReadAndWrite()
    {
        foreach (ulong address in _addresses)
        {
            _soft.TryRead(address, out ulong value);
            _soft.TryWrite(address, value + 1);
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void SoftFetchAdd()
    {
        foreach (ulong address in _addresses) _soft.TryFetchAdd(address, 1UL, out _);
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void SoftExclusive()
    {
        foreach (ulong address in _addresses)
        {
            _soft.TryReadExclusive(address, out ulong value);
            _soft.TryWriteExclusive(address, value + 1, out _);
        }
    }

    /// <summary>What the host's own atomic addition costs at the same places.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public unsafe void Host()
    {
        byte* memory = (byte*)_soft.HostBase;
        foreach (ulong address in _addresses) Interlocked.Increment(ref *(ulong*)(memory + (address - Guest.FirstLinear)));
    }
}
