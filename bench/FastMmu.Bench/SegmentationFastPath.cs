using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does segmentation add to an access?</summary>
public class SegmentationFastPath
{
    private const int Count = 256;

    private PhysicalMemory _memory = null!;
    private Mmu _mmu = null!;

    [GlobalSetup]
    public void Setup()
    {
        _memory = PhysicalMemory.Create(16 * ByteSize.MiB);
        _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        // Real mode: a base, a limit of 64 KiB, and no paging behind it.
        if (!_mmu.Segments.TryLoad(SegmentRegister.DS, 0x1000, out MmuFault fault)) throw new InvalidOperationException(fault.ToString());
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public ulong ToLinear()
    {
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mmu.Segments.TryToLinear(SegmentRegister.DS, i * 64, 4, Access.Read, out ulong linear, out _);
            sum += linear;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint ReadThroughSegment()
    {
        uint sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mmu.TryRead(SegmentRegister.DS, i * 64, out uint value, out _);
            sum += value;
        }

        return sum;
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public uint ReadLinear()
    {
        uint sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mmu.TryRead(0x1_0000 + (i * 64), out uint value, out _);
            sum += value;
        }

        return sum;
    }
}
