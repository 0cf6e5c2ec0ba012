using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>mremap: what it refuses and in which order, and what is left when it fails half-way.</summary>
public class MremapTests
{
    private const uint May = MremapFlags.MayMove;
    private const uint To = May | MremapFlags.Fixed;
    private const uint Keep = May | MremapFlags.DontUnmap;

    [Theory]
    [InlineData(0x1000_0000UL, 4096UL, 4096UL, 8U, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_0001UL, 4096UL, 4096UL, 0U, 0UL, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 4096UL, 0UL, 0U, 0UL, -Errno.EINVAL)] // arguments before areas
    [InlineData(0x1000_0000UL, 4096UL, ulong.MaxValue, 0U, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, 0x7fff_ffff_f001UL, 1U, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, 4096UL, 2U, 0x2000_0000UL, -Errno.EINVAL)] // fixed without may-move
    [InlineData(0x1000_0000UL, 4096UL, 4096UL, 3U, 0x2000_0001UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, 4096UL, 3U, 0x7fff_ffff_f000UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 8192UL, 4096UL, 5U, 0x2000_0000UL, -Errno.EINVAL)] // dontunmap with another size
    [InlineData(0x1000_0000UL, 8192UL, 8192UL, 3U, 0x1000_1000UL, -Errno.EINVAL)] // overlap
    [InlineData(0x1000_0000UL, 8192UL, 8192UL, 3U, 0x1000_0000UL, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 4096UL, 4096UL, 0U, 0UL, -Errno.EFAULT)]
    [InlineData(0x5000_0000UL, 4096UL, 4096UL, 3U, 0x2000_0000UL, -Errno.EFAULT)]
    [InlineData(0x1000_0000UL, 0UL, 4096UL, 1U, 0UL, -Errno.EINVAL)] // no second view of private memory
    [InlineData(0x1000_0000UL, 12288UL, 16384UL, 1U, 0UL, -Errno.EFAULT)] // more than the area
    [InlineData(0x1000_0000UL, 12288UL, 12288UL, 1U, 0UL, 0x1000_0000)] // the same size asks for nothing
    [InlineData(0x1000_0000UL, 12288UL, 4096UL, 3U, 0x2000_0000UL, 0x2000_0000)]
    public void Mremap_SeveralReasonsToFail_TheKernelsOrderDecides(
        ulong address, ulong oldLength, ulong newLength, uint flags, ulong target, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        Assert.Equal(expected, process.Mm.Mremap(address, oldLength, newLength, flags, target));
    }

    [Fact]
    public void Mremap_Grow_ExtendsInPlaceAndJoinsTheNext()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(4, 2);
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 2, 5));
        Assert.Equal((long)At(0), process.Move(0, 2, 4));
        Assert.Equal("0-6rw", process.Picture);
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 2, 3));
        long moved = process.Move(0, 2, 3, May);
        Assert.Equal(0x7fff_f7ff_c000, moved);
        Assert.Equal("2-6rw", process.Picture);
    }

    [Fact]
    public void Mremap_Shrink_CutsAlsoWhatFollows()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Map(4, 2, Read);
        Assert.Equal((long)At(0), process.Move(0, 5, 2));
        Assert.Equal("0-2rw 5-6r", process.Picture);
        Assert.Equal((long)At(8), process.Move(0, 2, 1, To, 8));
        Assert.Equal("5-6r 8-9rw", process.Picture);
    }

    [Fact]
    public void Mremap_Move_TakesPagesAlongAndReplacesTheTarget()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Map(8, 4, Read);
        Assert.True(process.Mm.Write(At(1), [0x42]).IsResolved);
        Assert.Equal((long)At(9), process.Move(1, 1, 2, To, 9));
        Span<byte> one = stackalloc byte[1];
        Assert.True(process.Mm.Read(At(9), one).IsResolved);
        Assert.Equal(0x42, one[0]);
        Assert.Equal("0-1rw 2-4rw 8-9r 9-11rw 11-12r", process.Picture);
        Assert.Equal((1UL, 8UL), (process.Mm.Tables.RssAnon, process.Mm.HiwaterVm));
    }

    [Fact]
    public void Mremap_OfSeveralAreas_KeepsTheHolesAndStopsAtATrouble()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(4, 1, Read);
        Assert.Equal((long)At(20), process.Move(1, 4, 4, To, 20));
        Assert.Equal("0-1rw 20-21rw 23-24r", process.Picture);
        Assert.Equal(-Errno.EFAULT, process.Move(19, 5, 5, To, 40));
        process.Mm.Mseal(At(23), Page, 0);
        Assert.Equal(-Errno.EPERM, process.Move(20, 4, 4, To, 40));
        Assert.Equal("0-1rw 23-24r 40-41rw", process.Picture);
    }

    [Fact]
    public void Mremap_OfSeveralAreasBefore617_Faults()
    {
        using var process = new CallFixture(KernelProfile.V6_12);
        process.Map(0, 1);
        process.Map(1, 1, Read);
        process.Map(20, 2);
        Assert.Equal(-Errno.EFAULT, process.Move(0, 2, 2, To, 20));
        // The target was cleared before the source was looked at.
        Assert.Equal("0-1rw 1-2r", process.Picture);
    }

    [Fact]
    public void Mremap_OfNoLength_ShowsSharedMemoryAgain()
    {
        using var process = new CallFixture();
        process.Map(0, 2, flags: MmapFlags.Shared | MmapFlags.Anonymous | MmapFlags.Fixed);
        process.Write(1);
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 0, 2));
        Assert.Equal((long)At(4), process.Move(1, 0, 1, To, 4));
        Assert.Equal("0-2rw 4-5rw", process.Picture);
        Span<byte> one = stackalloc byte[1];
        Assert.True(process.Mm.Read(At(4), one).IsResolved);
        Assert.Equal(1, one[0]);
    }

    [Fact]
    public void Mremap_DontUnmap_LeavesAnEmptyAreaWithoutItsLock()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Lock(0, 2);
        Assert.Equal((long)At(8), process.Move(0, 2, 2, Keep | MremapFlags.Fixed, 8));
        Assert.Equal("0-2rw 8-10rw+", process.Picture);
        Assert.Equal(0, process.Area(0).AnonVma);
        Assert.Equal((4UL, 2UL), (process.Mm.TotalVm, process.Mm.Tables.RssAnon));
        // The kernel forgets to take the lock off the count.
        Assert.Equal(4UL, process.Mm.LockedVm);
        process.Mm.Munlock(At(8), 2 * Page);
        Assert.Equal(2UL, process.Mm.LockedVm);
        process.Lock(0, 2);
        process.Unmap(0, 2);
        process.ForgetLocks();
    }

    [Fact]
    public void Mremap_DontUnmap_TakesItsAddressAsAHint()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(8, 1, Read);
        Assert.Equal((long)At(4), process.Move(0, 2, 2, Keep, 4));
        Assert.NotEqual((long)At(7), process.Move(0, 2, 2, Keep, 7));
        process.Limit(ResourceLimits.AddressSpace, process.Mm.TotalVm + 1);
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 2, 2, Keep, 20));
    }

    [Fact]
    public void Mremap_OfSpecialOrSealedAreas_IsRefusedInTime()
    {
        using var process = new CallFixture();
        process.Mm.AddArea(new Vma
        {
            Start = At(0), End = At(2), Flags = VmFlags.Read | VmFlags.MayAccessMask | VmFlags.DontExpand, Name = SpecialMapping.Vdso,
        });
        process.Map(8, 2);
        Assert.Equal(-Errno.EFAULT, process.Move(0, 2, 3, May));
        Assert.Equal(-Errno.EINVAL, process.Move(0, 2, 2, Keep | MremapFlags.Fixed, 4));
        Assert.Equal(-Errno.EINVAL, process.Move(0, 1, 1, To, 4));
        Assert.Equal((long)At(4), process.Move(0, 2, 2, To, 4));
        process.Mm.Mseal(At(8), 2 * Page, 0);
        Assert.Equal(-Errno.EPERM, process.Move(8, 2, 1));
        Assert.Equal(-Errno.EPERM, process.Move(4, 2, 2, To, 9));
    }

    [Fact]
    public void Mremap_GrowthBeyondALimit_SaysWhichOne()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Limit(ResourceLimits.MemoryLock, 2);
        process.Lock(0, 2);
        Assert.Equal(-Errno.EAGAIN, process.Move(0, 2, 3));
        process.Mm.Munlock(At(0), 2 * Page);
        process.Limit(ResourceLimits.AddressSpace, 2);
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 2, 3, May));
        process.Limit(ResourceLimits.AddressSpace, 100);
        process.Machine.Settings.MaxMapCount = 5;
        process.Map(4, 1, Read);
        process.Map(6, 1, Read);
        Assert.Equal((long)At(0), process.Move(0, 2, 3));
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 3, 8, May));
        Assert.Equal(-Errno.ENOMEM, process.Move(0, 3, 3, To, 8));
    }

    [Fact]
    public void Mremap_GrowthOfLockedMemory_BringsThePagesIn()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Lock(0, 2);
        process.Move(0, 2, 5);
        Assert.Equal((5UL, 5UL), (process.Mm.LockedVm, process.Mm.Tables.RssAnon));
    }

    [Fact]
    public void Mremap_Charge_MovesWithThePages()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Move(1, 2, 3, To, 8);
        Assert.Equal(5UL, process.Machine.CommittedPages);
        Assert.True(process.Area(0).Flags.HasFlag(VmFlags.Account) && process.Area(3).Flags.HasFlag(VmFlags.Account));
        process.Move(8, 3, 3, Keep, 20);
        Assert.Equal(8UL, process.Machine.CommittedPages);
        process.Unmap(0, 30);
        Assert.Equal(0UL, process.Machine.CommittedPages);
    }

    [Fact]
    public void Mremap_WithoutMemoryForTables_LeavesEverythingAsItWas()
    {
        using var process = new CallFixture(memoryBytes: 4UL << 20);
        process.Map(0, 4);
        Assert.True(process.Mm.Write(At(1), [0x42]).IsResolved);
        ulong filler = (ulong)process.Place(1 << 12);
        for (ulong page = 0; process.Mm.Touch(filler + (page * Page), Access.Write, out _).IsResolved; page++) Assert.True(page < 1 << 12);
        (ulong total, ulong committed, ulong resident) before = (process.Mm.TotalVm, process.Machine.CommittedPages, process.Mm.Tables.Rss);
        Assert.Equal(-Errno.ENOMEM, process.Mm.Mremap(At(0), 2 * Page, 4 * Page, To, 0x6000_0000_0000));
        Assert.Equal("0-4rw", process.Picture);
        Assert.Equal(before, (process.Mm.TotalVm, process.Machine.CommittedPages, process.Mm.Tables.Rss));
        process.Mm.Munmap(filler, Page << 12);
        Span<byte> one = stackalloc byte[1];
        Assert.True(process.Mm.Read(At(1), one).IsResolved);
        Assert.Equal(0x42, one[0]);
    }
}
