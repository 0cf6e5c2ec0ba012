using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>MAP_HUGETLB on a machine whose pool of huge pages is empty; every expectation was asked of a Linux 6.18 kernel.</summary>
public sealed class HugePageTests
{
    private const ulong Huge = 2UL << 20;
    private const ulong Far = 0x2000_0000_0000;
    private const uint Reserving = MmapFlags.Anonymous | MmapFlags.HugeTlb | MmapFlags.Private;
    private const uint Unreserved = Reserving | MmapFlags.NoReserve;
    private const uint Placed = Unreserved | MmapFlags.Fixed;
    private const uint Gigabyte = 30U << MmapFlags.HugeShift;

    [Theory]
    [InlineData(0UL, Huge, Reserving, 0UL, -Errno.ENOMEM)] // what is reserved is not there
    [InlineData(0UL, Huge, Reserving | Gigabyte, 0UL, -Errno.ENOMEM)]
    [InlineData(0UL, Huge, Unreserved | (20U << 26), 0UL, -Errno.EINVAL)] // no such size
    [InlineData(0UL, 0UL, Unreserved, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, ulong.MaxValue, Reserving, 0UL, -Errno.EINVAL)] // rounds up to nothing
    [InlineData(0UL, ulong.MaxValue - Huge + 1, Unreserved, 0UL, -Errno.ENOMEM)]
    [InlineData(0UL, 1UL << 47, Unreserved, 0UL, -Errno.ENOMEM)]
    [InlineData(0UL, Huge, Reserving & ~MmapFlags.TypeMask, 0UL, -Errno.EINVAL)] // errors of the call come before the pool
    [InlineData(0UL, Huge, (Unreserved & ~MmapFlags.TypeMask) | MmapFlags.Droppable, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, Huge, Unreserved | MmapFlags.SharedValidate | MmapFlags.Sync, 0UL, -Errno.EOPNOTSUPP)]
    [InlineData(0UL, Huge, Reserving | MmapFlags.GrowsDown, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_1000UL, Huge, Reserving | MmapFlags.Fixed, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_1000UL, 1UL << 47, Placed, 0UL, -Errno.ENOMEM)] // the length is looked at first
    [InlineData(0x7fff_ffe0_0000UL, Huge, Placed, 0UL, -Errno.ENOMEM)]
    [InlineData(0x8000_0000_0000UL, Huge, Placed, 0UL, -Errno.ENOMEM)]
    [InlineData(0x8000_0000_1000UL, Huge, Placed, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, Huge, Unreserved, 1UL, -Errno.EINVAL)]
    [InlineData(0UL, Huge, Unreserved, Page, -Errno.EINVAL)] // an offset within a huge page
    [InlineData(0UL, Huge, Reserving, Page, -Errno.EINVAL)]
    [InlineData(0UL, Huge, Reserving, 1UL << 63, -Errno.EOVERFLOW)]
    [InlineData(0UL, Huge, Unreserved, (1UL << 63) - Huge, -Errno.EOVERFLOW)]
    public void Mmap_WithoutHugePages_FailsAsTheKernelOrdersIt(ulong address, ulong length, uint flags, ulong offset, long expected)
    {
        using CallFixture process = new();

        Assert.Equal(expected, process.Mm.Mmap(address, length, ReadWrite, flags, -1, offset));
        Assert.Equal(0UL, process.Mm.TotalVm);
    }

    [Fact]
    public void Mmap_OfAFile_HasNoHugePages()
    {
        using CallFixture process = new();

        Assert.Equal(-Errno.EINVAL, process.Mm.Mmap(0, 0, ReadWrite, MmapFlags.HugeTlb | MmapFlags.Private, 3, 0));
        Assert.Equal(-Errno.EBADF, process.Mm.Mmap(0, Huge, ReadWrite, MmapFlags.HugeTlb | MmapFlags.Private, 99, 0));
    }

    [Theory]
    [InlineData(0UL, -Errno.ENOMEM)]
    [InlineData(Page, -Errno.EINVAL)]
    public void Mmap_RefusedByTheFile_HasRemovedWhatWasThere(ulong offset, long expected)
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, 4 * Huge, ReadWrite, Fixed, -1, 0);

        Assert.Equal(expected, process.Mm.Mmap(Far, Huge, ReadWrite, Reserving | MmapFlags.Fixed, -1, offset));

        Assert.True(process.Mm.Areas.TryFind(Far, out Vma rest));
        Assert.Equal(Far + Huge, rest.Start);
        Assert.Equal(3 * Huge / Page, process.Mm.TotalVm);
    }

    [Fact]
    public void Mmap_Unreserved_MakesAnAreaOfWholeHugePages()
    {
        using CallFixture process = new();

        ulong at = (ulong)process.Mm.Mmap(0, Huge + 5, ReadWrite, Unreserved | MmapFlags.Stack | MmapFlags.Locked, -1, 0);

        Assert.Equal(0UL, at % Huge);
        Assert.True(process.Mm.Areas.TryFind(at, out Vma vma));
        Assert.Equal(2 * Huge, vma.Length);
        Assert.Equal("rd wr mr mw me de nr ht nh", VmFlagCodes.Text(vma.Flags));
        Assert.Equal(0UL, process.Mm.LockedVm);
        Assert.Equal(0UL, process.Machine.CommittedPages);
        string smaps = process.Mm.ToProcSmaps();
        Assert.Contains("/anon_hugepage (deleted)\n", smaps, StringComparison.Ordinal);
        Assert.Contains("KernelPageSize:     2048 kB\nMMUPageSize:        2048 kB\n", smaps, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1000_1000UL, 0U, 0x1020_0000UL)]
    [InlineData(0x2000_0000UL, 0U, 0x2000_0000UL)]
    [InlineData(0UL, MmapFlags.Bit32, 0x4000_0000UL)]
    [InlineData(0UL, 0U, 0x7fff_f7c0_0000UL)]
    [InlineData(0UL, Gigabyte, 0x7fff_8000_0000UL)]
    public void Mmap_Searching_FindsAlignedRoom(ulong hint, uint more, ulong expected)
    {
        using CallFixture process = new();

        Assert.Equal((long)expected, process.Mm.Mmap(hint, 1, ReadWrite, Unreserved | more, -1, 0));
    }

    [Fact]
    public void Neighbours_OfHugePages_DoNotMerge()
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, Huge, ReadWrite, Placed, -1, 0);
        process.Mm.Mmap(Far + Huge, Huge, ReadWrite, Placed, -1, 0);

        Assert.Equal(2, process.Mm.Areas.Count);
    }

    [Theory]
    [InlineData(0U, 8192UL)]
    [InlineData(Gigabyte, 4096UL)]
    public void Touch_WithoutHugePages_IsABusErrorThatLeavesTables(uint size, ulong tableBytes)
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, 1, ReadWrite, Placed | size, -1, 0);
        ulong before = process.Mm.Tables.TableBytes;

        FaultOutcome outcome = process.Mm.Touch(Far + 0x1234, Access.Write, out _);

        Assert.Equal(new FaultOutcome(FaultOutcome.Bus, FaultOutcome.AddressError, Far + 0x1234), outcome);
        Assert.Equal(tableBytes, process.Mm.Tables.TableBytes - before);
        process.Mm.Munmap(Far, size == 0 ? Huge : 1UL << 30);
        Assert.Equal(before, process.Mm.Tables.TableBytes);
    }

    [Fact]
    public void Calls_ThatCutAHugePage_AreRefused()
    {
        using CallFixture process = new();
        AddressSpace mm = process.Mm;
        mm.Mmap(Far, 4 * Huge, ReadWrite, Placed, -1, 0);

        Assert.Equal(-Errno.EINVAL, mm.Munmap(Far, Page));
        Assert.Equal(-Errno.EINVAL, mm.Munmap(Far + Page, Huge));
        Assert.Equal(-Errno.EINVAL, mm.Mprotect(Far, Page, Read));
        Assert.Equal(0, mm.Mprotect(Far + Page, Page, ReadWrite));
        Assert.Equal(-Errno.EINVAL, mm.Madvise(Far, Huge + Page, Advice.DontFork));
        Assert.Equal(-Errno.EINVAL, mm.Mseal(Far, Page, 0));
        Assert.Equal(-Errno.EINVAL, mm.Mmap(Far + Page, Page, ReadWrite, Fixed, -1, 0));
        Assert.Equal(1, mm.Areas.Count);
        Assert.Equal(0, mm.Mprotect(Far, Huge, Read));
        Assert.Equal(2, mm.Areas.Count);
        Assert.Equal(0, mm.Mprotect(Far, Huge, ReadWrite));
        Assert.Equal(2, mm.Areas.Count);
    }

    [Theory]
    [InlineData(0UL, 2 * Huge, 2 * Huge, 0U, 0UL, 0L)]
    [InlineData(0UL, Page, 2 * Page, 0U, 0UL, 0L)] // both are one huge page
    [InlineData(0UL, 2 * Huge, Huge + Page, 0U, 0UL, 0L)]
    [InlineData(0UL, 2 * Huge, 3 * Huge, MremapFlags.MayMove, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, 0UL, Huge, MremapFlags.MayMove, 0UL, -Errno.EINVAL)]
    [InlineData(Page, Huge, Huge, MremapFlags.MayMove, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, Huge, Huge, 0U, 5UL, -Errno.EINVAL)] // an address that is not asked for must be aligned
    [InlineData(0UL, Huge, Huge, MremapFlags.MayMove | MremapFlags.DontUnmap, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, 2 * Huge, 2 * Huge, MremapFlags.MayMove | MremapFlags.Fixed, 2 * Far, (long)Far)]
    [InlineData(0UL, 2 * Huge, 2 * Huge, MremapFlags.MayMove | MremapFlags.Fixed, (2 * Far) + Page, -Errno.EINVAL)]
    public void Mremap_OfHugePages_IsOfWholeOnesAndNeverGrows(ulong from, ulong oldLength, ulong newLength, uint flags, ulong newAddress, long expected)
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, 2 * Huge, ReadWrite, Placed, -1, 0);

        long result = process.Mm.Mremap(Far + from, oldLength, newLength, flags, newAddress);

        Assert.Equal(expected < 0 ? expected : (long)Far + expected, result);
    }

    [Theory]
    [InlineData(Advice.DontNeed, 0L, -Errno.EINVAL)]
    [InlineData(Advice.DontNeedLocked, 0L, -Errno.EINVAL)]
    [InlineData(Advice.WillNeed, 0L, 0L)]
    [InlineData(Advice.DoDump, 0L, 0L)]
    [InlineData(Advice.DontDump, 0L, -Errno.EINVAL)]
    [InlineData(Advice.Random, 0L, -Errno.EINVAL)]
    [InlineData(Advice.HugePage, 0L, -Errno.EINVAL)]
    [InlineData(Advice.Mergeable, 0L, 0L)]
    [InlineData(Advice.Free, -Errno.EINVAL, -Errno.EINVAL)]
    [InlineData(Advice.Remove, -Errno.EACCES, -Errno.EACCES)]
    [InlineData(Advice.WipeOnFork, -Errno.EINVAL, -Errno.EINVAL)]
    [InlineData(Advice.Cold, -Errno.EINVAL, -Errno.EINVAL)]
    [InlineData(Advice.PopulateRead, -Errno.EFAULT, -Errno.EFAULT)]
    [InlineData(Advice.GuardInstall, -Errno.EINVAL, -Errno.EINVAL)]
    public void Madvise_OfHugePages_AnswersByAlignment(int advice, long whole, long cut)
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, 4 * Huge, ReadWrite, Placed, -1, 0);

        Assert.Equal(cut, process.Mm.Madvise(Far + Page, 2 * Huge, advice));
        Assert.Equal(whole, process.Mm.Madvise(Far, Huge, advice));
    }

    [Fact]
    public void Mlock_OfHugePages_FindsNoneAndLocksNothing()
    {
        using CallFixture process = new();
        process.Mm.Mmap(Far, Huge, ReadWrite, Placed, -1, 0);
        Span<byte> resident = stackalloc byte[512];

        Assert.Equal(-Errno.ENOMEM, process.Mm.Mlock(Far, Page));
        Assert.Equal(0, process.Mm.Munlock(Far, Page));
        Assert.Equal(0UL, process.Mm.LockedVm);
        Assert.Equal(0, process.Mm.Msync(Far, Page, 4));
        Assert.Equal(0, process.Mm.Mincore(Far, Huge, resident));
        Assert.Equal(-1, resident.IndexOfAnyExcept((byte)0));
    }
}
