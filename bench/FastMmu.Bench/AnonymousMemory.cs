using BenchmarkDotNet.Attributes;
using FastMmu.Linux.Mm;

namespace FastMmu.Bench;

/// <summary>What does the first write to a page cost, with the zeroing of the page; and what fork, for each page that the parent has touched?</summary>
public class AnonymousMemory
{
    private const int ReadWrite = 3, PrivateAnonymous = 0x22, PrivateAnonymousFixed = 0x32;
    private const int FaultedPages = 1024;
    private const int TouchedPages = 65_536;
    private const ulong Page = 4096;

    private LinuxProcess _process = null!;
    private ulong _area;
    private AddressSpace? _child;

    [GlobalSetup(Target = nameof(Fault))]
    public void StartEmpty()
    {
        _process = new LinuxProcess();
        _area = (ulong)_process.Mm.Mmap(0, FaultedPages * Page, ReadWrite, PrivateAnonymous, -1, 0);
    }

    [GlobalSetup(Targets = [nameof(Fork), nameof(ForkAndExit)])]
    public void StartTouched()
    {
        // 256 MiB of pages, two sets of their tables, and room.
        _process = new LinuxProcess(320);
        _area = (ulong)_process.Mm.Mmap(0, TouchedPages * Page, ReadWrite, PrivateAnonymous, -1, 0);
        TouchAll(TouchedPages);
    }

    [GlobalCleanup]
    public void End() => _process.Dispose();

    /// <summary>A write fault and everything that mmap and munmap of its area add to it, for each of 1,024 pages.</summary>
    [Benchmark(OperationsPerInvoke = FaultedPages)]
    public long Fault()
    {
        // Mapping over it drops the pages of the round before.
        long at = _process.Mm.Mmap(_area, FaultedPages * Page, ReadWrite, PrivateAnonymousFixed, -1, 0);
        TouchAll(FaultedPages);
        return at;
    }

    /// <summary>fork of a process with 256 MiB of touched pages; the time is that of one page.</summary>
    [Benchmark(OperationsPerInvoke = TouchedPages)]
    public long Fork() => _process.Mm.Fork(new ProcessContext(), out _child);

    /// <summary>The same, and the exit of the child.</summary>
    [Benchmark(OperationsPerInvoke = TouchedPages)]
    public long ForkAndExit()
    {
        long result = Fork();
        ExitChild();
        return result;
    }

    [IterationCleanup(Target = nameof(Fork))]
    public void ExitChild()
    {
        _child?.Dispose();
        _child = null;
    }

    private void TouchAll(int pages)
    {
        for (ulong i = 0; i < (ulong)pages; i++)
        {
            if (!_process.Mm.HandleFault(_area + (i * Page), Processor.PageFaultError.User | Processor.PageFaultError.Write).IsResolved)
            {
                throw new InvalidOperationException("A page cannot be touched.");
            }
        }
    }
}
