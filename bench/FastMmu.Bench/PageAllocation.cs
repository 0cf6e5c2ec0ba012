using BenchmarkDotNet.Attributes;
using FastMmu.Linux.Physical;
using FastMmu.Memory;

namespace FastMmu.Bench;

/// <summary>What does a physical page cost: from the processor's own list, and in numbers that reach the buddy lists?</summary>
public class PageAllocation
{
    private const int Many = 4096;

    private readonly ulong[] _frames = new ulong[Many];
    private PhysicalMemory _memory = null!;
    private PageAllocator _allocator = null!;

    [GlobalSetup]
    public void Start()
    {
        _memory = PhysicalMemory.Create(256 << 20);
        _allocator = new PageAllocator(_memory);
    }

    [GlobalCleanup]
    public void End()
    {
        _allocator.Dispose();
        _memory.Dispose();
    }

    /// <summary>A page taken and given back.</summary>
    [Benchmark]
    public ulong OnePage()
    {
        if (!_allocator.TryAllocatePage(out ulong frame)) throw new InvalidOperationException("No page is free.");
        _allocator.Put(frame);
        return frame;
    }

    /// <summary>4,096 pages taken and then given back, which splits and joins blocks; the time is that of one page.</summary>
    [Benchmark(OperationsPerInvoke = Many)]
    public int ManyPages()
    {
        int taken = _allocator.AllocateBulk(GfpFlags.HighUserMovable, _frames);
        _allocator.PutBulk(_frames.AsSpan(0, taken));
        return taken;
    }

    /// <summary>A block of eight pages from the buddy lists, and back.</summary>
    [Benchmark]
    public ulong EightPagesInARow()
    {
        if (!_allocator.TryAllocate(GfpFlags.HighUserMovable, 3, out ulong frame)) throw new InvalidOperationException("No block is free.");
        _allocator.Put(frame);
        return frame;
    }
}
