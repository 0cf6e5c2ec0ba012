using BenchmarkDotNet.Attributes;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Bench;

/// <summary>What does a fuzzer's loop cost: the writes that are undone, the restore, a snapshot; and everybody else while one exists?</summary>
public unsafe class Snapshots
{
    private const int Pages = 256;
    private const ulong AllPages = 16384;
    private const int Accesses = 4096;

    private Guest _guest = null!;
    private Guest _freeGuest = null!;
    private PhysicalMemory _gigabyte = null!;
    private Mmu _mmu = null!;
    private Mmu _free = null!;
    private Machine _machine = null!;
    private Machine _large = null!;
    private Machine _freeMachine = null!;
    private Snapshot _clean = null!;
    private Snapshot? _first;
    private ulong[] _addresses = null!;
    private byte* _room;

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(AllPages);
        _freeGuest = new Guest(AllPages);
        _mmu = _guest.CreateMmu();
        _free = _freeGuest.CreateMmu();
        _guest.Memory.Span(0UL, (int)(AllPages << 12)).Fill(1);
        _freeGuest.Memory.Span(0UL, (int)(AllPages << 12)).Fill(1);
        _machine = new Machine(_guest.Memory, _mmu);
        _clean = _machine.TakeSnapshot();
        _freeMachine = new Machine(_freeGuest.Memory, _free);
        _gigabyte = PhysicalMemory.Create(1 * ByteSize.GiB);
        _large = new Machine(_gigabyte);
        _addresses = Guest.RandomAddresses(Pages, Accesses);
        _room = (byte*)NativeMemory.AlignedAlloc(Pages << 12, 4096);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        NativeMemory.AlignedFree(_room);
        _clean.Dispose();
        _mmu.Dispose();
        _free.Dispose();
        _guest.Dispose();
        _freeGuest.Dispose();
        _gigabyte.Dispose();
    }

    /// <summary>A write of each of 256 pages after everything cached was dropped, nobody logging: what the next one is to be compared with.</summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void WritePages()
    {
        _free.InvalidateAll();
        Write(_free);
    }

    /// <summary>The first write of each of 256 pages since the restore, and the restore.</summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void WritePagesAndRestore()
    {
        Write(_mmu);
        _machine.Restore(_clean);
    }

    /// <summary>As before, with two writes of each page: the second one costs what any does.</summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void WritePagesTwiceAndRestore()
    {
        Write(_mmu);
        Write(_mmu);
        _machine.Restore(_clean);
    }

    /// <summary>A second snapshot, the first write of each of 256 pages under it, which copies them, and the end of it.</summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void SnapshotWritePagesAndDiscard()
    {
        using Snapshot second = _machine.TakeSnapshot();
        Write(_mmu);
    }

    /// <summary>What a copy of a page costs by itself, both sides in the caches.</summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void CopyPages()
    {
        _guest.Memory.TryGetReadOnlySpan(0UL, Pages << 12, out ReadOnlySpan<byte> pages);
        for (int page = 0; page < Pages; page++) pages.Slice(page << 12, 4096).CopyTo(new Span<byte>(_room + (page << 12), 4096));
    }

    /// <summary>
    /// The first write of each of 256 pages under the first snapshot ever, which copies them; later ones find the copies. Neither the pages nor the room for the copies are in a cache.
    /// </summary>
    [Benchmark(OperationsPerInvoke = Pages)]
    public void WritePagesNeverWritten() => Write(_free);

    [IterationSetup(Target = nameof(WritePagesNeverWritten))]
    public void ArmAnew()
    {
        _first?.Dispose();
        _first = _freeMachine.TakeSnapshot();
    }

    [IterationCleanup(Target = nameof(WritePagesNeverWritten))]
    public void Disarm()
    {
        _first?.Dispose();
        _first = null;
    }

    [Benchmark]
    public void RestoreNothing() => _machine.Restore(_clean);

    [Benchmark]
    public void SnapshotInsideASnapshot() => _machine.TakeSnapshot().Dispose();

    /// <summary>Of 1 GiB, with no other: every page is guarded, and then no longer.</summary>
    [Benchmark]
    public void FirstSnapshotOfAGigabyte() => _large.TakeSnapshot().Dispose();

    [Benchmark(OperationsPerInvoke = Accesses)]
    public long ReadWriteWithoutSnapshot() => ReadWrite(_free);

    /// <summary>With a snapshot armed; the pages were written since.</summary>
    [Benchmark(OperationsPerInvoke = Accesses)]
    public long ReadWriteWithSnapshot() => ReadWrite(_mmu);

    private static void Write(Mmu mmu)
    {
        for (ulong page = 0; page < Pages; page++) mmu.TryWrite(Guest.FirstLinear + (page << 12), page, out _);
    }

    private long ReadWrite(Mmu mmu)
    {
        long sum = 0;
        foreach (ulong address in _addresses)
        {
            mmu.TryRead(address, out long value, out _);
            sum += value;
            mmu.TryWrite(address, value, out _);
        }

        return sum;
    }
}
