using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>mlock and its family.</summary>
public class LockTests
{
    [Fact]
    public void Mlock_WithoutALimit_IsNotPermittedEvenForNothing()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Limit(ResourceLimits.MemoryLock, 0);
        Assert.Equal(-Errno.EPERM, process.Lock(0, 0));
        Assert.Equal(-Errno.EPERM, process.Mm.Mlockall(AddressSpace.MclFuture));
        Assert.Equal(0, process.Mm.Munlock(At(0), Page));
        process.Mm.Context.Credentials = Credentials.Root;
        Assert.Equal(0, process.Lock(0, 1));
    }

    [Fact]
    public void Mlock_OfAnUnalignedNothing_LocksItsPage()
    {
        using var process = new CallFixture();
        process.Map(0, 3);
        Assert.Equal(0, process.Mm.Mlock(At(1) + 5, 0));
        Assert.Equal("0-1rw 1-2rw+ 2-3rw", process.Picture);
        Assert.Equal(0, process.Mm.Mlock(At(0), 0));
        Assert.Equal(0, process.Mm.Munlock(At(1) + 5, 0));
        Assert.Equal("0-3rw", process.Picture);
        Assert.Equal(-Errno.EINVAL, process.Mm.Munlock(At(1), 0xffff_ffff_f000_0000));
        Assert.Equal(-Errno.EINVAL, process.Mm.Mlock2(At(0), Page, 2));
    }

    [Fact]
    public void Mlock_Limit_DoesNotCountWhatIsLockedAlready()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Limit(ResourceLimits.MemoryLock, 2);
        Assert.Equal(-Errno.ENOMEM, process.Lock(0, 3));
        Assert.Equal("0-4rw", process.Picture);
        Assert.Equal(0, process.Lock(0, 2));
        Assert.Equal(0, process.Lock(0, 2));
        Assert.Equal(0, process.Lock(1, 1));
        Assert.Equal(-Errno.ENOMEM, process.Lock(1, 2));
        Assert.Equal(2UL, process.Mm.LockedVm);
    }

    [Fact]
    public void Mlock_UpToAHole_LocksWhatLiesBefore()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(3, 1);
        Assert.Equal(-Errno.ENOMEM, process.Lock(1, 3));
        Assert.Equal("0-1rw 1-2rw+ 3-4rw", process.Picture);
        Assert.Equal(0UL, process.Mm.Tables.Rss);
        Assert.Equal(-Errno.ENOMEM, process.Mm.Munlock(At(1), 3 * Page));
        Assert.Equal("0-2rw 3-4rw", process.Picture);
        Assert.Equal(-Errno.ENOMEM, process.Lock(2, 1));
    }

    [Fact]
    public void Mlock_OfMemoryWithoutRights_FailsButLocks()
    {
        using var process = new CallFixture();
        process.Map(0, 1, Protection.None);
        Assert.Equal(-Errno.ENOMEM, process.Lock(0, 1));
        Assert.Equal("0-1+", process.Picture);
        Assert.Equal(1UL, process.Mm.LockedVm);
    }

    [Fact]
    public void Mlock2_OnFault_LocksWithoutBringingIn()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        Assert.Equal(0, process.Mm.Mlock2(At(0), 2 * Page, AddressSpace.MlockOnFault));
        Assert.Equal((2UL, 0UL), (process.Mm.LockedVm, process.Mm.Tables.Rss));
        Assert.True(process.Area(0).Flags.HasFlag(VmFlags.LockOnFault));
        Assert.Equal(0, process.Lock(0, 1));
        Assert.Equal((2UL, 1UL), (process.Mm.LockedVm, process.Mm.Tables.Rss));
    }

    [Theory]
    [InlineData(0, -Errno.EINVAL)]
    [InlineData(8, -Errno.EINVAL)]
    [InlineData(AddressSpace.MclOnFault, -Errno.EINVAL)]
    [InlineData(AddressSpace.MclCurrent, -Errno.ENOMEM)]
    [InlineData(AddressSpace.MclFuture, 0)]
    public void Mlockall_OverTheLimit_FailsOnlyForWhatIsThere(int flags, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 3);
        process.Limit(ResourceLimits.MemoryLock, 2);
        Assert.Equal(expected, process.Mm.Mlockall(flags));
        Assert.Equal(0UL, process.Mm.LockedVm);
    }

    [Fact]
    public void Mlockall_LocksAllButSpecialAndDroppable()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Map(1, 1, flags: MmapFlags.Droppable | MmapFlags.Anonymous | MmapFlags.Fixed);
        process.Mm.AddArea(new Vma { Start = At(2), End = At(3), Flags = VmFlags.Read | VmFlags.MayRead | VmFlags.DontExpand, Name = SpecialMapping.Vdso });
        Assert.Equal(0, process.Mm.Mlockall(AddressSpace.MclCurrent | AddressSpace.MclFuture));
        process.Map(4, 1);
        Assert.Equal("0-1rw+ 1-2rw 2-3r 4-5rw+", process.Picture);
        Assert.Equal(0, process.Mm.Munlockall());
        process.Map(6, 1);
        Assert.Equal("0-1rw 1-2rw 2-3r 4-5rw 6-7rw", process.Picture);
    }

    [Fact]
    public void Mlockall_OnFault_MarksFutureAreas()
    {
        using var process = new CallFixture();
        process.Mm.Mlockall(AddressSpace.MclFuture | AddressSpace.MclOnFault);
        process.Map(0, 1);
        Assert.Equal(VmFlags.Locked | VmFlags.LockOnFault, process.Area(0).Flags & (VmFlags.Locked | VmFlags.LockOnFault));
        Assert.Equal(0UL, process.Mm.Tables.Rss);
    }
}
