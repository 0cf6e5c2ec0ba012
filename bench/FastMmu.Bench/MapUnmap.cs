using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;

namespace FastMmu.Bench;

/// <summary>What does it cost to build page tables and to change them?</summary>
public class MapUnmap
{
    private const int BulkPages = 65536;
    private const ulong Free = 0x40_0000_0000;

    private Guest _guest = null!;
    private Mmu _mmu = null!;

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest(512);
        _mmu = _guest.CreateMmu();
        // The table stays when the page beside it goes.
        _guest.Space.Map(Free, 0UL, PageSize.Size4K.Bytes(), Rights.UserReadWrite);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _mmu.Dispose();
        _guest.Dispose();
    }

    /// <summary>256 MiB in pages of 4 KiB mapped and unmapped, tables made and freed; the time is that of one page.</summary>
    [Benchmark(OperationsPerInvoke = BulkPages)]
    public ulong BulkOf4KiBPages()
    {
        const ulong start = Free + ByteSize.GiB;
        MapOutcome mapped = _guest.Space.Map(start, 0UL, BulkPages * PageSize.Size4K.Bytes(), Rights.UserReadWrite);
        return mapped.Bytes + _guest.Space.Unmap(start, BulkPages * PageSize.Size4K.Bytes()).Bytes;
    }

    [Benchmark]
    public ulong OnePage()
    {
        ulong page = Free + PageSize.Size4K.Bytes();
        MapOutcome mapped = _guest.Space.Map(page, 0x1000UL, PageSize.Size4K.Bytes(), Rights.UserReadWrite);
        MapOutcome unmapped = _guest.Space.Unmap(page, PageSize.Size4K.Bytes());
        _mmu.InvalidatePage(page);
        return mapped.Bytes + unmapped.Bytes;
    }

    [Benchmark]
    public ulong ProtectAndBack()
    {
        MapOutcome read = _guest.Space.Protect(Free, PageSize.Size4K.Bytes(), Rights.UserRead);
        MapOutcome write = _guest.Space.Protect(Free, PageSize.Size4K.Bytes(), Rights.UserReadWrite);
        _mmu.InvalidatePage(Free);
        return read.Bytes + write.Bytes;
    }
}
