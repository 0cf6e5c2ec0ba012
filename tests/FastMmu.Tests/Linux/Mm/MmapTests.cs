using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>mmap: which error wins, what the flags become, where areas go.</summary>
public class MmapTests
{
    private const uint Shared = MmapFlags.Shared | MmapFlags.Fixed;
    private const uint PrivateFile = MmapFlags.Private | MmapFlags.Fixed;

    [Theory]
    [InlineData(0UL, 0UL, 0x22U, 1UL, -Errno.EINVAL)] // an unaligned offset before everything
    [InlineData(0UL, 0UL, 0x02U, 0UL, -Errno.EBADF)] // a bad descriptor before an empty length
    [InlineData(0UL, 0UL, 0x22U, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, ulong.MaxValue, 0x22U, 0UL, -Errno.ENOMEM)] // rounds to nothing
    [InlineData(0UL, 0x7fff_ffff_f000UL, 0x22U, 0UL, -Errno.ENOMEM)] // all there is, and more than is free
    [InlineData(0x8000_0000_0001UL, 4096UL, 0x32U, 0UL, -Errno.ENOMEM)] // too high before unaligned
    [InlineData(0x1000_0001UL, 4096UL, 0x32U, 0UL, -Errno.EINVAL)]
    [InlineData(0UL, 4096UL, 0x32U, 0UL, -Errno.EPERM)] // below mmap_min_addr
    [InlineData(ulong.MaxValue, 4096UL, 0x32U, 0UL, -1)] // looks like an error number and comes back as one
    [InlineData(0x1000_0000UL, 4096UL, 0x30U, 0UL, -Errno.EINVAL)] // no kind
    [InlineData(0x1000_0000UL, 4096UL, 0x33U, 0UL, -Errno.EINVAL)] // SHARED_VALIDATE is for files
    [InlineData(0x1000_0000UL, 4096UL, 0x131U, 0UL, -Errno.EINVAL)] // shared and growing
    [InlineData(0x1000_0000UL, 4096UL, 0x138U, 0UL, -Errno.EINVAL)] // droppable and growing
    [InlineData(0x1000_0000UL, 4096UL, 0x2038U, 0UL, -Errno.EINVAL)] // droppable and locked
    [InlineData(0UL, 4096UL, 0x40022U, 0UL, -Errno.ENOMEM)] // no huge pages in the pool
    [InlineData(0UL, 4096UL, (5U << 26) | 0x40022U, 0UL, -Errno.EINVAL)] // no such huge page
    public void Mmap_SeveralReasonsToFail_TheKernelsOrderDecides(ulong address, ulong length, uint flags, ulong offset, long expected)
    {
        using var process = new CallFixture();
        Assert.Equal(expected, process.Mm.Mmap(address, length, ReadWrite, flags, 99, offset));
        Assert.Equal(0, process.Mm.Areas.Count);
    }

    [Fact]
    public void Mmap_LowFixedAddress_NeedsNoCapabilityAboveTheSysctl()
    {
        using var process = new CallFixture();
        Assert.Equal(0x1000, process.Mm.Mmap(0x1000, Page, ReadWrite, Fixed, -1, 0));
        process.Mm.Context.Credentials = Credentials.Root;
        Assert.Equal(0, process.Mm.Mmap(0, Page, ReadWrite, Fixed, -1, 0));
    }

    [Fact]
    public void Mmap_Hint_IsRoundedDownAndRaisedToTheLowestAddress()
    {
        using var process = new CallFixture();
        Assert.Equal(0x10000, process.Place(1, hint: 4096));
        Assert.Equal((long)At(3), process.Place(1, hint: At(3) + 0xFFF));
        Assert.Equal(0x7fff_f7ff_e000, process.Place(1, hint: 0xFFF));
    }

    [Fact]
    public void Mmap_NoReplaceOverAnArea_ExistsBeforeTheKindIsLookedAt()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        const uint NoReplace = MmapFlags.Anonymous | MmapFlags.FixedNoReplace;
        Assert.Equal(-Errno.EEXIST, process.Map(1, 2, flags: NoReplace));
        Assert.Equal(-Errno.EINVAL, process.Map(2, 2, flags: NoReplace));
        Assert.Equal((long)At(2), process.Map(2, 2, flags: NoReplace | MmapFlags.Private));
        Assert.Equal(-Errno.EOPNOTSUPP, process.Map(8, 1, flags: MmapFlags.SharedValidate | MmapFlags.FixedNoReplace, descriptor: 3));
    }

    [Theory]
    [InlineData(5, ReadWrite, Shared, -Errno.EACCES)] // written without a writable descriptor
    [InlineData(5, Read, Shared, 0)]
    [InlineData(6, Protection.None, PrivateFile, -Errno.EACCES)] // mapped without a readable one
    [InlineData(6, ReadWrite, Shared, -Errno.EACCES)]
    [InlineData(8, ReadWrite, Shared, -Errno.EPERM)] // sealed
    [InlineData(8, ReadWrite, PrivateFile, 0)]
    [InlineData(9, Read, PrivateFile, -Errno.ENODEV)] // a pipe
    [InlineData(9, ReadWrite, Shared, -Errno.EACCES)]
    [InlineData(10, Read | Protection.Exec, PrivateFile, -Errno.EPERM)] // noexec
    [InlineData(12, Read, PrivateFile, -Errno.EBADF)] // O_PATH
    [InlineData(3, ReadWrite, Shared | MmapFlags.GrowsDown, -Errno.EINVAL)]
    [InlineData(3, ReadWrite, MmapFlags.SharedValidate | MmapFlags.Fixed | MmapFlags.Sync, -Errno.EOPNOTSUPP)]
    [InlineData(5, Read, PrivateFile | MmapFlags.Sync, -Errno.EOPNOTSUPP)] // only a disk's file system minds
    [InlineData(3, Read, PrivateFile | MmapFlags.Sync, 0)]
    [InlineData(3, Read, MmapFlags.Fixed, -Errno.EINVAL)]
    public void Mmap_OfAFile_AsksTheDescriptor(int descriptor, int protection, uint flags, long expected)
    {
        using var process = new CallFixture();
        long result = process.Map(0, 1, protection, flags, descriptor);
        Assert.Equal(expected == 0 ? (long)At(0) : expected, result);
    }

    [Fact]
    public void Mmap_BeyondTheLargestFile_OverflowsBeforeRightsAreChecked()
    {
        using var process = new CallFixture();
        Assert.Equal(-Errno.EOVERFLOW, process.Map(0, 2, ReadWrite, Shared, 5, 0x7fff_ffff_ffff_f000));
        Assert.Equal((long)At(0), process.Map(0, 1, Read, Shared, 5, 0x7fff_ffff_ffff_e000));
    }

    [Fact]
    public void Mmap_SharedOfAReadOnlyDescriptor_MayNeverBeWritten()
    {
        using var process = new CallFixture();
        process.Map(0, 1, Read, Shared, 5);
        Assert.Equal(VmFlags.Read | VmFlags.MayRead | VmFlags.MayExec | VmFlags.MayShare, process.Area(0).Flags);
        process.Map(2, 1, Read, Shared, 8);
        Assert.Equal(VmFlags.Shared | VmFlags.MayShare, process.Area(2).Flags & (VmFlags.Shared | VmFlags.MayShare | VmFlags.MayWrite));
        process.Map(4, 1, Read, PrivateFile, 10);
        Assert.Equal(-Errno.EACCES, process.Protect(4, 1, Read | Protection.Exec));
    }

    [Fact]
    public void Mmap_FixedThatFailsALimit_LeavesTheOldAreaSplit()
    {
        using var process = new CallFixture();
        process.Map(0, 6, Read);
        process.Limit(ResourceLimits.Data, 1);
        Assert.Equal(-Errno.ENOMEM, process.Map(2, 8));
        Assert.Equal("0-2r 2-6r", process.Picture);
    }

    [Fact]
    public void Mmap_FixedThatFailsALimitBefore612_LosesTheOldArea()
    {
        using var process = new CallFixture(KernelProfile.V5);
        process.Map(0, 6, Read);
        process.Machine.Settings.TotalRamPages = 3;
        Assert.Equal(-Errno.ENOMEM, process.Map(2, 4));
        Assert.Equal("0-2r", process.Picture);
    }

    [Fact]
    public void Mmap_FixedWhoseFileRefuses_LosesTheOldArea()
    {
        using var process = new CallFixture();
        process.Map(0, 6);
        Assert.Equal(-Errno.EOPNOTSUPP, process.Map(2, 2, Read, PrivateFile | MmapFlags.Sync, 5));
        Assert.Equal("0-2rw 4-6rw", process.Picture);
    }

    [Fact]
    public void Mmap_FixedOverAnArea_ReplacesItsPagesInTheLimits()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Limit(ResourceLimits.AddressSpace, 4);
        Assert.Equal(-Errno.ENOMEM, process.Map(2, 3));
        Assert.Equal((long)At(1), process.Map(1, 3, Read));
        Assert.Equal("0-1rw 1-4r", process.Picture);
    }

    [Fact]
    public void Mmap_DataLimitOfZero_CountsUpToTheHardLimit()
    {
        using var process = new CallFixture();
        Assert.Equal(0, process.Mm.SetRlimit(ResourceLimits.Data, 0, 2 * Page));
        Assert.Equal((long)At(0), process.Map(0, 2));
        Assert.Equal(-Errno.ENOMEM, process.Map(4, 1));
        Assert.Equal((long)At(4), process.Map(4, 1, Read));
        Assert.Equal(-Errno.EPERM, process.Mm.SetRlimit(ResourceLimits.Data, 0, 3 * Page));
        Assert.Equal(-Errno.EINVAL, process.Mm.SetRlimit(ResourceLimits.Data, 3, 2));
        Assert.Equal(-Errno.EINVAL, process.Mm.SetRlimit(16, 0, 0));
    }

    [Fact]
    public void Mmap_Locked_NeedsALimitAboveZeroAndStaysBelowIt()
    {
        using var process = new CallFixture();
        process.Limit(ResourceLimits.MemoryLock, 2);
        Assert.Equal(-Errno.EAGAIN, process.Map(0, 3, flags: Fixed | MmapFlags.Locked));
        Assert.Equal((long)At(0), process.Map(0, 2, flags: Fixed | MmapFlags.Locked));
        Assert.Equal((2UL, 2UL), (process.Mm.LockedVm, process.Mm.Tables.RssAnon));
        Assert.Equal(-Errno.EAGAIN, process.Map(0, 1, flags: Fixed | MmapFlags.Locked));
        process.Limit(ResourceLimits.MemoryLock, 0);
        Assert.Equal(-Errno.EPERM, process.Map(4, 1, flags: Fixed | MmapFlags.Locked));
    }

    [Fact]
    public void Mmap_MoreThanAllMemory_IsRefusedUnlessNothingIsCharged()
    {
        using var process = new CallFixture();
        ulong pages = process.Machine.Settings.TotalRamPages + 1;
        Assert.Equal(-Errno.ENOMEM, process.Place(pages));
        Assert.Equal(-Errno.ENOMEM, process.Place(pages, flags: MmapFlags.Shared | MmapFlags.Anonymous));
        Assert.True(process.Place(pages, Read) > 0);
        Assert.True(process.Place(pages, flags: Anywhere | MmapFlags.NoReserve) > 0);
        process.Machine.Settings.OvercommitMemory = 1;
        Assert.True(process.Place(pages) > 0);
        process.Mm.Munmap(0, process.Mm.TaskSize);
    }

    [Fact]
    public void Mmap_StrictOvercommit_CountsAllThatIsCharged()
    {
        using var process = new CallFixture();
        MemorySettings settings = process.Machine.Settings;
        (settings.OvercommitMemory, settings.OvercommitRatio, settings.AdminReserveKilobytes, settings.UserReserveKilobytes) = (2, 50, 0, 0);
        settings.TotalRamPages = 20;
        Assert.Equal((long)At(0), process.Map(0, 5));
        Assert.Equal(-Errno.ENOMEM, process.Map(8, 5, flags: Fixed | MmapFlags.NoReserve));
        Assert.Equal((long)At(0), process.Map(0, 9, flags: Fixed));
        Assert.Equal(9UL, process.Machine.CommittedPages);
        Assert.Equal((long)At(16), process.Map(16, 50, Read));
        process.Unmap(0, 9);
        Assert.Equal(0UL, process.Machine.CommittedPages);
        Assert.Equal(Base, (ulong)process.Map(0, 4, flags: MmapFlags.Shared | MmapFlags.Anonymous | MmapFlags.Fixed));
        Assert.Equal(4UL, process.Machine.CommittedPages);
        process.Unmap(0, 4);
        Assert.Equal(0UL, process.Machine.CommittedPages);
    }

    [Fact]
    public void Mmap_WithoutAddress_GoesDownAndMerges()
    {
        using var process = new CallFixture();
        long first = process.Place(2), second = process.Place(3);
        Assert.Equal(0x7fff_f7ff_d000, first);
        Assert.Equal(first - (3 * 4096), second);
        Assert.Equal(1, process.Mm.Areas.Count);
    }

    [Fact]
    public void Mmap_LengthOfWholeHugePages_IsAligned()
    {
        using var process = new CallFixture();
        process.Place(1);
        Assert.Equal(0x7fff_f7c0_0000, process.Place(512));
        Assert.Equal(0x7fff_f79f_f000, process.Place(513));
        long hinted = process.Place(512, hint: At(1));
        Assert.Equal((long)At(1), hinted);
    }

    [Fact]
    public void Mmap_LengthOfWholeHugePagesOfAFile_IsAlignedToItsOffset()
    {
        using var process = new CallFixture();
        long result = process.Mm.Mmap(0, 512 * Page, Read, MmapFlags.Private, 5, 0x3000);
        Assert.NotEqual(0x3000, result & 0x1f_ffff);
        result = process.Mm.Mmap(0, 1024 * Page, Read, MmapFlags.Private, 5, 0x3000);
        Assert.Equal(0x3000, result & 0x1f_ffff);
        result = process.Mm.Mmap(0, 1025 * Page, Read, MmapFlags.Private, 3, 0x3000);
        Assert.NotEqual(0x3000, result & 0x1f_ffff);
    }

    [Fact]
    public void Mmap_OfTheZeroDevice_IsAlignedToItsOffsetWherePrivate()
    {
        using var process = new CallFixture();
        process.Place(1);
        long result = process.Mm.Mmap(0, 1025 * Page, ReadWrite, MmapFlags.Private, 7, 0x5000);
        Assert.Equal(0x5000, result & 0x1f_ffff);
        result = process.Mm.Mmap(0, 1025 * Page, ReadWrite, MmapFlags.Shared, 7, 0x5000);
        Assert.NotEqual(0x5000, result & 0x1f_ffff);
    }

    [Fact]
    public void Mmap_In32Bits_SearchesUpFromOneGigabyte()
    {
        using var process = new CallFixture();
        const uint Low = Anywhere | MmapFlags.Bit32;
        Assert.Equal(0x4000_0000, process.Place(1, flags: Low));
        Assert.Equal(0x4000_1000, process.Place(1, flags: Low));
        Assert.Equal(0x4020_0000, process.Place(512, flags: Low));
        Assert.Equal(0x1000_0000, process.Place(1, flags: Low, hint: Base));
        Assert.Equal(-Errno.ENOMEM, process.Place(1 << 18, flags: Low));
    }

    [Fact]
    public void Mmap_BottomUp_TakesTheLowestGap()
    {
        using var process = new CallFixture();
        process.Mm.BottomUp = true;
        Assert.Equal(0x2aaa_aaaa_b000, process.Place(1));
        Assert.Equal(0x2aaa_aaaa_c000, process.Place(1));
        process.Mm.Munmap(0x2aaa_aaaa_b000, Page);
        Assert.Equal(0x2aaa_aaaa_d000, process.Place(2));
        Assert.Equal(0x2aaa_aaaa_b000, process.Place(1));
    }

    [Fact]
    public void Mmap_BelowAGrowingArea_KeepsItsGap()
    {
        using var process = new CallFixture();
        process.Map(600, 1, flags: Fixed | MmapFlags.GrowsDown);
        Assert.Equal((long)At(343), process.Place(1, hint: At(343)));
        Assert.NotEqual((long)At(344), process.Place(1, hint: At(344)));
        Assert.Equal((long)At(599), process.Map(599, 1));
        Assert.Equal((long)At(601), process.Place(1, hint: At(601)));
    }

    [Fact]
    public void Mmap_TopDownWithoutRoom_TriesFromTheBottom()
    {
        using var process = new CallFixture();
        process.Mm.MmapBase = 0x20000;
        Assert.Equal(0x10000, process.Place(16));
        Assert.Equal(0x2aaa_aaaa_b000, process.Place(1));
    }

    [Fact]
    public void Mmap_TooManyAreas_FailsEvenIfItWouldMerge()
    {
        using var process = new CallFixture();
        process.Machine.Settings.MaxMapCount = 4;
        for (int i = 0; i < 5; i++) Assert.Equal((long)At(2 * i), process.Map(2 * i, 1));
        Assert.Equal(-Errno.ENOMEM, process.Map(9, 1));
        Assert.Equal(-Errno.ENOMEM, process.Map(0, 1));
        Assert.Equal(0, process.Unmap(8, 1));
        Assert.Equal((long)At(9), process.Map(9, 1));
    }

    [Fact]
    public void Mmap_ProtectionBitsBeyondThree_AreIgnored()
    {
        using var process = new CallFixture();
        process.Map(0, 1, 0xFF0);
        Assert.Equal("0-1", process.Picture);
    }

    [Fact]
    public void Mmap_FlagsOfAnArea_FollowTheCallsFlags()
    {
        using var process = new CallFixture();
        process.Map(0, 1, flags: Fixed | MmapFlags.Stack | MmapFlags.NoReserve);
        Assert.Equal(VmFlags.NoHugePage | VmFlags.NoReserve, process.Area(0).Flags & (VmFlags.NoHugePage | VmFlags.NoReserve | VmFlags.Account));
        process.Map(2, 1, flags: MmapFlags.Droppable | MmapFlags.Anonymous | MmapFlags.Fixed);
        const VmFlags Droppable = VmFlags.Droppable | VmFlags.NoReserve | VmFlags.WipeOnFork | VmFlags.DontDump;
        Assert.Equal(Droppable, process.Area(2).Flags & (Droppable | VmFlags.Account));
        Assert.Equal(-Errno.EINVAL, new AddressSpace(new(process.Memory, KernelProfile.V5), new ProcessContext())
            .Mmap(Base, Page, Read, MmapFlags.Droppable | MmapFlags.Anonymous | MmapFlags.Fixed, -1, 0));
    }

    [Fact]
    public void Mmap_PrivateOfDevZero_IsAnonymousWithAName()
    {
        using var process = new CallFixture();
        process.Map(0, 1, flags: PrivateFile, descriptor: 7, offset: 0x5000);
        Assert.Equal(5UL, process.Area(0).PageOffset);
        process.Write(0);
        Assert.Equal(1UL, process.Mm.Tables.RssAnon);
        process.Map(2, 1, flags: Shared, descriptor: 7);
        Assert.Equal(InodeKind.SharedMemory, process.Machine.Files[process.Area(2).File].Inode.Kind);
    }
}
