using BenchmarkDotNet.Attributes;

namespace FastMmu.Bench;

/// <summary>What do the calls cost that programs make most: a pair of each, after which everything is as before?</summary>
public class MemoryCalls
{
    private const int ReadWrite = 3, ReadOnly = 1, PrivateAnonymous = 0x22;
    private const ulong Length = 64 << 10;

    private LinuxProcess _process = null!;
    private ulong _area;

    [GlobalSetup]
    public void Start()
    {
        _process = new LinuxProcess();
        _area = (ulong)_process.Mm.Mmap(0, 1 << 20, ReadWrite, PrivateAnonymous, -1, 0);
    }

    [GlobalCleanup]
    public void End() => _process.Dispose();

    /// <summary>mmap of 64 KiB and its munmap. Its rights keep it from merging with the area beside it.</summary>
    [Benchmark]
    public long MmapMunmap()
    {
        long at = _process.Mm.Mmap(0, Length, ReadOnly, PrivateAnonymous, -1, 0);
        return at + _process.Mm.Munmap((ulong)at, Length);
    }

    /// <summary>brk 64 KiB up, and down again.</summary>
    [Benchmark]
    public long BrkUpDown() => _process.Mm.Brk(LinuxProcess.Heap + Length) + _process.Mm.Brk(LinuxProcess.Heap);

    /// <summary>mprotect of pages in the middle of an area, which splits it in three, and back, which makes it one again.</summary>
    [Benchmark]
    public long MprotectSplitMerge() =>
        _process.Mm.Mprotect(_area + Length, Length, ReadOnly) + _process.Mm.Mprotect(_area + Length, Length, ReadWrite);
}
