using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>
/// What does an emulator of user programs gain or lose where page tables are the host's and not the guest's? First touches, refills of its TLB after everything was forgotten,
/// fork, and hits, those of an MMU beside them.
/// </summary>
public class UserMode
{
    private const int ReadWrite = 3, PrivateAnonymousFixedNoReserve = 0x4032;
    private const int Count = 512;

    // So much code is not compiled well after three short rounds.
    private const int RoundsToCompile = 100;
    private const ulong Page = 4096, Region = 512 * Page, Near = 1UL << 40, Far = 2UL << 40;

    private LinuxProcess _process = null!, _walked = null!;
    private UserTranslator _user = null!;
    private Mmu _mmu = null!;
    private AddressSpace _mm = null!;

    /// <summary>Four levels in guest memory, or none there.</summary>
    [Params(PagingMode.FourLevel, PagingMode.None)]
    public PagingMode Tables { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _process = new LinuxProcess(64, Tables);
        _mm = _process.Mm;
        Populate(_mm);
        _user = new UserTranslator(_mm);
        _walked = new LinuxProcess();
        Populate(_walked.Mm);
        _mmu = new Mmu(_walked.Machine.Memory, ProcessorFeatures.Zen4);
        _walked.Mm.Attach(_mmu);
        for (int i = 0; i < RoundsToCompile; i++)
        {
            FirstTouch();
            FirstTouchOfATable();
            TouchAgain();
            TouchAgainFar();
            Refill();
            RefillByMmu();
            ForkAndExit();
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _user.Dispose();
        _process.Dispose();
        _mmu.Dispose();
        _walked.Dispose();
    }

    /// <summary>A page is written for the first time: the fault with the zeroing of the page, and its share of the mmap that drops the one before.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong FirstTouch()
    {
        _mm.Mmap(Near + Region, Count * Page, ReadWrite, PrivateAnonymousFixedNoReserve, -1, 0);
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mm.Touch(Near + Region + (i * Page), Access.Write, out PhysicalAddress physical);
            sum += physical.Value;
        }

        return sum;
    }

    /// <summary>The same with a page in each of the smallest tables: the table comes and goes with it.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong FirstTouchOfATable()
    {
        const ulong there = 3UL << 40;
        _mm.Mmap(there, Count * Region, ReadWrite, PrivateAnonymousFixedNoReserve, -1, 0);
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mm.Touch(there + (i * Region), Access.Write, out PhysicalAddress physical);
            sum += physical.Value;
        }

        _mm.Munmap(there, Count * Region);
        return sum;
    }

    /// <summary>A page is looked up again, in the table of the page before it.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong TouchAgain() => Touch(Near, Page);

    /// <summary>The same, each in another table: the walk from the top.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong TouchAgainFar() => Touch(Far, Region);

    /// <summary>The TLB has forgotten everything and asks for each page.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Refill()
    {
        _user.Tlb.InvalidateAll();
        return ReadByTlb();
    }

    /// <summary>It knows all of them.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Hit() => ReadByTlb();

    /// <summary>An MMU knows all of them; it walks four levels whatever the others do.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public ulong HitByMmu()
    {
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mmu.TryRead(Near + (i * Page), out ulong value, out _);
            sum += value;
        }

        return sum;
    }

    /// <summary>An MMU that has forgotten everything walks.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong RefillByMmu()
    {
        _mmu.WriteCr3(_walked.Mm.Tables.Root.Value);
        return HitByMmu();
    }

    /// <summary>fork of a process with 1,024 pages and its exit, the time of one page.</summary>
    [Benchmark(OperationsPerInvoke = 2 * Count)]
    public long ForkAndExit()
    {
        long result = _mm.Fork(new ProcessContext(), out AddressSpace? child);
        child!.Dispose();
        return result;
    }

    private ulong ReadByTlb()
    {
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _user.Tlb.TryRead(Near + (i * Page), out ulong value);
            sum += value;
        }

        return sum;
    }

    private ulong Touch(ulong start, ulong step)
    {
        ulong sum = 0;
        for (ulong i = 0; i < Count; i++)
        {
            _mm.Touch(start + (i * step), Access.Read, out PhysicalAddress physical);
            sum += physical.Value;
        }

        return sum;
    }

    // One table full of pages, and as many tables with one page each.
    private static void Populate(AddressSpace mm)
    {
        mm.Mmap(Near, Count * Page, ReadWrite, PrivateAnonymousFixedNoReserve, -1, 0);
        mm.Mmap(Far, Count * Region, ReadWrite, PrivateAnonymousFixedNoReserve, -1, 0);
        for (ulong i = 0; i < Count; i++)
        {
            if (!mm.Touch(Near + (i * Page), Access.Write, out _).IsResolved || !mm.Touch(Far + (i * Region), Access.Write, out _).IsResolved)
            {
                throw new InvalidOperationException("A page cannot be touched.");
            }
        }
    }
}
