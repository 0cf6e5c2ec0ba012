using BenchmarkDotNet.Attributes;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does one translation cost, by the number of pages in use?</summary>
public class ScalarTranslate
{
    private const int Count = 4096;

    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private ulong[] _addresses = [];

    [Params(32, 512, 4096)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest((ulong)Pages);
        _mmu = _guest.CreateMmu();
        _addresses = Guest.RandomAddresses((ulong)Pages, Count);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Read()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _mmu.Translate(address, Access.Read, Privilege.User).Physical.Value;
        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Write()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _mmu.Translate(address, Access.Write, Privilege.User).Physical.Value;
        return sum;
    }
}
