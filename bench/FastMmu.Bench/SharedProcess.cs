using BenchmarkDotNet.Attributes;
using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does munmap of a touched page cost while another virtual CPU runs in the process, which has to acknowledge?</summary>
public class SharedProcess
{
    private const int ReadWrite = 3, PrivateAnonymousFixed = 0x32;
    private const ulong Page = 4096, Other = 0x1000_0000, Area = 0x2000_0000;

    private readonly object _kernel = new();
    private LinuxProcess _process = null!;
    private Mmu _mmu = null!;
    private MmuMember _member = null!;
    private Thread? _thread;
    private volatile bool _stop;

    [GlobalSetup(Target = nameof(Alone))]
    public void StartParked()
    {
        _process = new LinuxProcess();
        _mmu = new Mmu(_process.Machine.Memory, ProcessorFeatures.Zen4);
        _member = new MmuGroup(_process.Machine.Memory).Join(_mmu);
        _process.Mm.Attach(_mmu);
        _mmu.SetCpl(3);
        _process.Mm.Mmap(Other, Page, ReadWrite, PrivateAnonymousFixed, -1, 0);
    }

    [GlobalSetup(Target = nameof(BesideAnother))]
    public void StartRunning()
    {
        StartParked();
        _thread = new Thread(Run);
        _thread.Start();
    }

    [GlobalCleanup]
    public void End()
    {
        _stop = true;
        _thread?.Join();
        _process.Mm.Detach(_mmu);
        _member.Dispose();
        _mmu.Dispose();
        _process.Dispose();
    }

    /// <summary>mmap, the first write and munmap of a page, the other virtual CPU being parked.</summary>
    [Benchmark(Baseline = true)]
    public long Alone() => MapTouchUnmap();

    /// <summary>The same while the other one runs, and polls after each access.</summary>
    [Benchmark]
    public long BesideAnother() => MapTouchUnmap();

    private long MapTouchUnmap()
    {
        lock (_kernel)
        {
            long at = _process.Mm.Mmap(Area, Page, ReadWrite, PrivateAnonymousFixed, -1, 0);
            _process.Mm.HandleFault((ulong)at, PageFaultError.User | PageFaultError.Write);
            return _process.Mm.Munmap(Area, Page);
        }
    }

    private void Run()
    {
        _member.Enter();
        while (!_stop)
        {
            if (!_mmu.TryRead(Other, out ulong _, out MmuFault fault))
            {
                _member.Exit();
                lock (_kernel) _process.Mm.HandleFault(fault.Address, fault.PageFaultError);
                _member.Enter();
            }

            _member.Poll();
        }

        _member.Exit();
    }
}
