using BenchmarkDotNet.Attributes;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does a value cost in a gather or a scatter, and what one at a time?</summary>
public class BatchReadWrite
{
    private const int Count = 16384;

    private readonly ulong[] _values = new ulong[Count];
    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private SoftTlb _soft = null!;
    private ulong[] _linear = [];

    [Params(32, 4096, 65536)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest((ulong)Pages);
        _mmu = _guest.CreateMmu();
        _soft = new SoftTlb(_guest.Memory, (SoftTlb _, ulong linear, Access _, Privilege _, out SoftPage page) =>
        {
            page = new(linear - Guest.FirstLinear);
            return true;
        });
        _linear = Guest.RandomAddresses((ulong)Pages, Count);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _soft.Dispose();
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult Gather() => _mmu.GatherRead<ulong>(_linear, _values);

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult Scatter() => _mmu.ScatterWrite<ulong>(_linear, _values);

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult SoftGather() => _soft.GatherRead<ulong>(_linear, _values);

    [Benchmark(OperationsPerInvoke = Count)]
    public BatchResult SoftScatter() => _soft.ScatterWrite<ulong>(_linear, _values);

    [Benchmark(OperationsPerInvoke = Count)]
    public int SoftReadOneByOne()
    {
        int read = 0;
        for (int i = 0; i < _linear.Length; i++) read += _soft.TryRead(_linear[i], out _values[i]) ? 1 : 0;
        return read;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int ReadOneByOne()
    {
        int read = 0;
        for (int i = 0; i < _linear.Length; i++) read += _mmu.TryRead(_linear[i], out _values[i], out _) ? 1 : 0;
        return read;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int WriteOneByOne()
    {
        int written = 0;
        for (int i = 0; i < _linear.Length; i++) written += _mmu.TryWrite(_linear[i], _values[i], out _) ? 1 : 0;
        return written;
    }
}
