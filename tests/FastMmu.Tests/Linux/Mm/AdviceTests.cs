using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>madvise, msync, mseal and remap_file_pages.</summary>
public class AdviceTests
{
    private const uint SharedAnonymous = MmapFlags.Shared | MmapFlags.Anonymous | MmapFlags.Fixed;

    [Theory]
    [InlineData(0x1000_0001UL, 0UL, 77, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 0UL, 77, -Errno.EINVAL)] // unknown advice, even over nothing
    [InlineData(0x1000_0001UL, 0UL, 0, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 0UL, 4, 0)]
    [InlineData(0x1000_0000UL, ulong.MaxValue, 4, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 0xffff_ffff_f000_0000UL, 4, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 4096UL, 4, -Errno.ENOMEM)]
    [InlineData(0x1000_0000UL, 4096UL, 100, -Errno.EPERM)]
    [InlineData(0x1000_0000UL, 4096UL, 25, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, int.MinValue, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, 9, -Errno.EINVAL)] // a hole in no file
    public void Madvise_SeveralReasonsToFail_TheKernelsOrderDecides(ulong address, ulong length, int advice, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        Assert.Equal(expected, process.Mm.Madvise(address, length, advice));
    }

    [Fact]
    public void Madvise_OverHoles_GoesOnAndSaysSo()
    {
        using var process = new CallFixture();
        process.Map(1, 1);
        process.Map(3, 1);
        Assert.Equal(-Errno.ENOMEM, process.Advise(0, 6, Advice.DontFork));
        Assert.True(process.Area(1).Flags.HasFlag(VmFlags.DontCopy) && process.Area(3).Flags.HasFlag(VmFlags.DontCopy));
    }

    [Theory]
    [InlineData(Advice.Sequential, VmFlags.SeqRead, Advice.Normal)]
    [InlineData(Advice.Random, VmFlags.RandRead, Advice.Normal)]
    [InlineData(Advice.DontFork, VmFlags.DontCopy, Advice.DoFork)]
    [InlineData(Advice.DontDump, VmFlags.DontDump, Advice.DoDump)]
    [InlineData(Advice.WipeOnFork, VmFlags.WipeOnFork, Advice.KeepOnFork)]
    [InlineData(Advice.Mergeable, VmFlags.Mergeable, Advice.Unmergeable)]
    public void Madvise_Flag_SplitsAndItsOppositeMerges(int advice, VmFlags flag, int opposite)
    {
        using var process = new CallFixture();
        process.Map(0, 3);
        Assert.Equal(0, process.Advise(1, 1, advice));
        Assert.Equal("0-1rw 1-2rw 2-3rw", process.Picture);
        Assert.True(process.Area(1).Flags.HasFlag(flag));
        Assert.Equal(0, process.Advise(0, 3, opposite));
        Assert.Equal("0-3rw", process.Picture);
    }

    [Fact]
    public void Madvise_HugePages_NeverComeBackToNeither()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Advise(0, 1, Advice.HugePage);
        Assert.True(process.Area(0).Flags.HasFlag(VmFlags.HugePage));
        process.Advise(0, 1, Advice.NoHugePage);
        Assert.Equal(VmFlags.NoHugePage, process.Area(0).Flags & (VmFlags.HugePage | VmFlags.NoHugePage));
    }

    [Fact]
    public void Madvise_ThatDoesNotSuitTheArea_IsRefused()
    {
        using var process = new CallFixture();
        process.Map(0, 1, flags: SharedAnonymous);
        Assert.Equal(-Errno.EINVAL, process.Advise(0, 1, Advice.WipeOnFork));
        Assert.Equal(0, process.Advise(0, 1, Advice.Mergeable));
        Assert.False(process.Area(0).Flags.HasFlag(VmFlags.Mergeable));
        process.Map(2, 1, Read, MmapFlags.Private | MmapFlags.Fixed, 3);
        Assert.Equal(-Errno.EINVAL, process.Advise(2, 1, Advice.WipeOnFork));
        Assert.Equal(-Errno.EACCES, process.Advise(2, 1, Advice.Remove));
        Assert.Equal(-Errno.EINVAL, process.Advise(2, 1, Advice.Free));
        process.Map(4, 1, flags: MmapFlags.Droppable | MmapFlags.Anonymous | MmapFlags.Fixed);
        Assert.Equal(-Errno.EINVAL, process.Advise(4, 1, Advice.KeepOnFork));
        Assert.Equal(-Errno.EINVAL, process.Advise(4, 1, Advice.DoDump));
        process.Map(6, 1);
        process.Lock(6, 1);
        foreach (int advice in new[] { Advice.DontNeed, Advice.Free, Advice.Cold, Advice.PageOut, Advice.GuardInstall })
        {
            Assert.Equal(-Errno.EINVAL, process.Advise(6, 1, advice));
        }

        Assert.Equal(0, process.Advise(6, 1, Advice.DontNeedLocked));
        Assert.Equal(0, process.Advise(6, 1, Advice.GuardRemove));
        Assert.Equal(-Errno.EINVAL, process.Advise(2, 1, Advice.PopulateWrite));
    }

    [Fact]
    public void Madvise_Guards_CameWith613()
    {
        using var process = new CallFixture(KernelProfile.V6_12);
        process.Map(0, 1);
        Assert.Equal(-Errno.EINVAL, process.Advise(0, 1, Advice.GuardInstall));
    }

    [Fact]
    public void Madvise_AtTheLimitOfAreas_SaysTryAgain()
    {
        using var process = new CallFixture();
        process.Machine.Settings.MaxMapCount = 1;
        process.Map(0, 2);
        Assert.Equal(-Errno.EAGAIN, process.Advise(0, 1, Advice.DontFork));
    }

    [Fact]
    public void Madvise_OfSealedMemory_MayNotDestroyWhatCannotBeWritten()
    {
        using var process = new CallFixture();
        process.Map(0, 1, Read);
        process.Map(2, 1);
        process.Mm.Mseal(At(0), Page, 0);
        process.Mm.Mseal(At(2), Page, 0);
        Assert.Equal(-Errno.EPERM, process.Advise(0, 1, Advice.DontNeed));
        Assert.Equal(0, process.Advise(0, 1, Advice.Cold));
        Assert.Equal(0, process.Advise(2, 1, Advice.DontNeed));
    }

    [Theory]
    [InlineData(0x1000_0000UL, 4096UL, 8, -Errno.EINVAL)]
    [InlineData(0x1000_0001UL, 4096UL, 4, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 4096UL, 5, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, ulong.MaxValue, 4, 0)] // rounds to nothing
    [InlineData(0x1000_0000UL, 0xffff_ffff_f000_0000UL, 4, -Errno.ENOMEM)]
    [InlineData(0x1000_0000UL, 8192UL, 0, 0)]
    [InlineData(0x1000_0000UL, 12288UL, 4, -Errno.ENOMEM)]
    [InlineData(0x1000_1000UL, 16384UL, 2, -Errno.EBUSY)] // goes on behind the hole and meets locked memory
    [InlineData(0x1000_1000UL, 16384UL, 1, -Errno.ENOMEM)]
    [InlineData(0x1000_3000UL, 4096UL, 2, -Errno.EBUSY)]
    public void Msync_ChecksWhatItPassesOver(ulong address, ulong length, int flags, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(3, 2);
        process.Lock(3, 2);
        Assert.Equal(expected, process.Mm.Msync(address, length, flags));
    }

    [Theory]
    [InlineData(0x1000_0000UL, 0UL, 1UL, -Errno.EINVAL)]
    [InlineData(0x1000_0001UL, 4096UL, 0UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, ulong.MaxValue, 0UL, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 0UL, 0UL, 0)]
    [InlineData(0x1000_0000UL, 12288UL, 0UL, -Errno.ENOMEM)]
    [InlineData(0x1000_0000UL, 4096UL, 0UL, 0)]
    public void Mseal_AllOrNothing(ulong address, ulong length, ulong flags, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        Assert.Equal(expected, process.Mm.Mseal(address, length, flags));
        Assert.Equal(expected == 0 && length != 0 ? "0-1rw 1-2rw" : "0-2rw", process.Picture);
        Assert.Equal(-Errno.ENOSYS, new AddressSpace(new(process.Memory, KernelProfile.V5), new ProcessContext()).Mseal(address, length, flags));
    }

    [Fact]
    public void Mseal_OfASealedRange_MergesAndRepeats()
    {
        using var process = new CallFixture();
        process.Map(0, 3);
        Assert.Equal(0, process.Mm.Mseal(At(1), Page, 0));
        Assert.Equal("0-1rw 1-2rw 2-3rw", process.Picture);
        Assert.Equal(0, process.Mm.Mseal(At(0), 3 * Page, 0));
        Assert.Equal(0, process.Mm.Mseal(At(0), 3 * Page, 0));
        Assert.Equal("0-3rw", process.Picture);
        Assert.Equal(-Errno.EPERM, process.Map(0, 1, Read));
    }

    [Fact]
    public void RemapFilePages_ShowsOtherPagesOfSharedMemory()
    {
        using var process = new CallFixture();
        process.Map(0, 4, flags: SharedAnonymous);
        Assert.Equal(0, process.Mm.RemapFilePages(At(1) + 5, Page + 7, 0, 3, 0));
        Assert.Equal("0-1rw 1-2rw 2-4rw", process.Picture);
        Assert.Equal(3UL, process.Area(1).PageOffset);
        Assert.Equal(-Errno.EINVAL, process.Mm.RemapFilePages(At(0), Page, 1, 0, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.RemapFilePages(At(0), 5, 0, 0, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.RemapFilePages(At(0), Page, 0, ulong.MaxValue, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.RemapFilePages(At(3), 2 * Page, 0, 0, 0));
        process.Map(8, 1);
        Assert.Equal(-Errno.EINVAL, process.Mm.RemapFilePages(At(8), Page, 0, 0, 0));
        Assert.Equal(0, process.Mm.RemapFilePages(At(1), Page, 0, 1, 0));
        Assert.Equal("0-4rw 8-9rw", process.Picture);
    }
}
