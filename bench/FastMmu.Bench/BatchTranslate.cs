using BenchmarkDotNet.Attributes;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does a translation cost in a batch?</summary>
public class BatchTranslate
{
    private const int Count = 16384;

    private readonly ulong[] _physical = new ulong[Count];
    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private ulong[] _random = [];
    private ulong[] _sequence = [];

    [Params(32, 4096, 65536)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest((ulong)Pages);
        _mmu = _guest.CreateMmu();
        _random = Guest.RandomAddresses((ulong)Pages, Count);
        _sequence = [.. Enumerable.Range(0, Count).Select(i => Guest.FirstLinear + (((ulong)i * 8) % ((ulong)Pages << 12)))];
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult Random() => _mmu.TranslateBatch(_random, _physical, Access.Read, Privilege.User);

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult Sequence() => _mmu.TranslateBatch(_sequence, _physical, Access.Read, Privilege.User);
}
