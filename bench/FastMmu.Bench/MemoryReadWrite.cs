using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does an access to guest memory cost, by linear and by physical address?</summary>
public class MemoryReadWrite
{
    private const int Count = 1024;
    private const ulong Pages = 512;

    private readonly byte[] _page = new byte[4096];
    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private ulong[] _addresses = [];

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(Pages);
        _mmu = _guest.CreateMmu();
        _addresses = Guest.RandomAddresses(Pages, Count);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Read8Bytes()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            _mmu.TryRead(address, out ulong value, out _);
            sum += value;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public bool Write8Bytes()
    {
        bool all = true;
        foreach (ulong address in _addresses) all &= _mmu.TryWrite(address, address, out _);
        return all;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Read8BytesAcrossPages()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            _mmu.TryRead((address & ~0xfffUL) + 0xffc, out ulong value, out _);
            sum += value;
        }

        return sum;
    }

    [Benchmark]
    public bool Read4KiB() => _mmu.TryRead(Guest.FirstLinear + 0x800, _page, out MmuFault _);

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong ReadPhysical8Bytes()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _guest.Memory.Read<ulong>(PhysicalAddress.Truncate(address - Guest.FirstLinear));
        return sum;
    }
}
