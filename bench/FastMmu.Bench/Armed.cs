using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>
/// What accesses to RAM cost while something else is armed (a device, watches of other pages, marked code in other pages, a dirty log that has the
/// pages already) beside the same without, and what an access costs that is watched itself.
/// </summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class Armed
{
    // A gather is compiled well only when it has been called often.
    private const int RoundsToCompile = 400;
    private const int Count = 1024;
    private const ulong Pages = 512;

    private readonly ulong[] _values = new ulong[Count];
    private Guest _plain = null!;
    private Guest _armed = null!;
    private Mmu _plainMmu = null!;
    private Mmu _armedMmu = null!;
    private Mmu _watchedMmu = null!;
    private DirtyLog _log = null!;
    private CodeTracker _code = null!;
    private ulong[] _addresses = [];
    private int _told;

    [GlobalSetup]
    public void Setup()
    {
        _addresses = Guest.RandomAddresses(Pages, Count);
        _plain = new Guest(Pages + 16);
        _plainMmu = _plain.CreateMmu();
        _armed = new Guest(Pages + 16);
        _armedMmu = _armed.CreateMmu();
        _watchedMmu = _plain.CreateMmu();
        ulong behind = Guest.FirstLinear + (Pages << 12);
        _armed.Memory.MapDevice((Pages + 1) << 12, 4096, new Silence());
        _armedMmu.Watch(new LinearRange(behind + 0x2000, 64), WatchKinds.All, Note);
        _armedMmu.Watch(new LinearRange(Guest.FirstLinear - 0x1000, 1), WatchKinds.All, Note);
        _log = _armed.Memory.StartDirtyLog();
        _code = _armed.Memory.TrackCode(_ => _told++);
        _code.Mark(new PhysicalAddress((Pages + 3) << 12), 4096);
        _watchedMmu.Watch(new LinearRange(Guest.FirstLinear, Pages << 12), WatchKinds.All, Note);
        foreach (ulong address in _addresses) _armedMmu.TryWrite(address, 1UL, out _);
        for (int i = 0; i < RoundsToCompile; i++)
        {
            Gather();
            GatherArmed();
            GatherWatched();
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _plainMmu.Dispose();
        _armedMmu.Dispose();
        _watchedMmu.Dispose();
        _plain.Dispose();
        _armed.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Count), BenchmarkCategory("read")]
    public ulong Read() => ReadAll(_plainMmu);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("read")]
    public ulong ReadArmed() => ReadAll(_armedMmu);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("read")]
    public ulong ReadWatched() => ReadAll(_watchedMmu);

    [Benchmark(Baseline = true, OperationsPerInvoke = Count), BenchmarkCategory("write")]
    public bool Write() => WriteAll(_plainMmu);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("write")]
    public bool WriteArmed() => WriteAll(_armedMmu);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("write")]
    public bool WriteWatched() => WriteAll(_watchedMmu);

    [Benchmark(Baseline = true, OperationsPerInvoke = Count), BenchmarkCategory("gather")]
    public BatchResult Gather() => _plainMmu.GatherRead<ulong>(_addresses, _values);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("gather")]
    public BatchResult GatherArmed() => _armedMmu.GatherRead<ulong>(_addresses, _values);

    [Benchmark(OperationsPerInvoke = Count), BenchmarkCategory("gather")]
    public BatchResult GatherWatched() => _watchedMmu.GatherRead<ulong>(_addresses, _values);

    private ulong ReadAll(Mmu mmu)
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            mmu.TryRead(address, out ulong value, out _);
            sum += value;
        }

        return sum;
    }

    private bool WriteAll(Mmu mmu)
    {
        bool all = true;
        foreach (ulong address in _addresses) all &= mmu.TryWrite(address, address, out _);
        return all;
    }

    private void Note(ref WatchedAccess access) => _told++;

    private sealed class Silence : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => 0;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
