using FastMmu.Linux;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>brk: it says where the heap ends, whatever happens.</summary>
public class BrkTests
{
    private static ulong Byte(long page, ulong bytes = 0) => Heap + ((ulong)page * Page) + bytes;

    private static void Brk(CallFixture process, ulong wanted, ulong answer) => Assert.Equal((long)answer, process.Mm.Brk(wanted));

    [Fact]
    public void Brk_BelowItsStartOrBeyondTheUser_StaysWhereItIs()
    {
        using var process = new CallFixture();
        Brk(process, 0, Heap);
        Brk(process, Heap - 1, Heap);
        Brk(process, ulong.MaxValue, Heap);
        Brk(process, process.Mm.TaskSize + Page, Heap);
    }

    [Fact]
    public void Brk_IsToTheByteAndMapsPages()
    {
        using var process = new CallFixture();
        Brk(process, Byte(0, 1), Byte(0, 1));
        Assert.Equal(1UL, process.Mm.TotalVm);
        Brk(process, Byte(1), Byte(1));
        Assert.Equal(1UL, process.Mm.TotalVm);
        Brk(process, Byte(3, 7), Byte(3, 7));
        Assert.Equal((4UL, 4UL), (process.Mm.TotalVm, process.Mm.DataVm));
        Assert.Equal(1, process.Mm.Areas.Count);
        Brk(process, Heap, Heap);
        Assert.Equal((0UL, 4UL), (process.Mm.TotalVm, process.Mm.HiwaterVm));
    }

    [Fact]
    public void Brk_FirstGrowth_DoesNotJoinWhatEndsAtItsStart()
    {
        using var process = new CallFixture();
        process.Mm.Mmap(Heap - Page, Page, ReadWrite, Fixed, -1, 0);
        Brk(process, Byte(1), Byte(1));
        Brk(process, Byte(2), Byte(2));
        Assert.Equal(2, process.Mm.Areas.Count);
        process.Mm.Mprotect(Heap - Page, 3 * Page, Read);
        process.Mm.Mprotect(Heap - Page, 3 * Page, ReadWrite);
        Assert.Equal(1, process.Mm.Areas.Count);
        Brk(process, Byte(3), Byte(3));
        Assert.Equal(1, process.Mm.Areas.Count);
    }

    [Theory]
    [InlineData(8, Fixed, 7, 8)] // one page stays free
    [InlineData(302, Fixed | MmapFlags.GrowsDown, 45, 46)] // and 256 more below a growing area
    public void Brk_TowardsAnotherArea_KeepsItsDistance(long obstacle, uint flags, long most, long tooMuch)
    {
        using var process = new CallFixture();
        process.Mm.Mmap(Byte(obstacle), Page, ReadWrite, flags, -1, 0);
        Brk(process, Byte(tooMuch), Heap);
        Brk(process, Byte(most), Byte(most));
        Brk(process, Byte(most, 1), Byte(most));
    }

    [Fact]
    public void Brk_NeverJoinsTheAreaBehind()
    {
        using var process = new CallFixture();
        process.Mm.Mmap(Byte(2), Page, ReadWrite, Fixed, -1, 0);
        Brk(process, Byte(1), Byte(1));
        Assert.Equal(2, process.Mm.Areas.Count);
    }

    [Fact]
    public void Brk_ShrinkOverNothing_FailsSince61()
    {
        foreach (KernelProfile profile in new[] { KernelProfile.V6_18, KernelProfile.V5 })
        {
            using var process = new CallFixture(profile);
            Brk(process, Byte(4), Byte(4));
            process.Mm.Munmap(Byte(2), 2 * Page);
            Brk(process, Byte(3), profile == KernelProfile.V5 ? Byte(3) : Byte(4));
            Brk(process, Byte(1), Byte(1));
        }
    }

    [Fact]
    public void Brk_Shrink_TakesForeignAreasAlong()
    {
        using var process = new CallFixture();
        Brk(process, Byte(8), Byte(8));
        process.Mm.Mmap(Byte(4), 2 * Page, Read, Fixed, -1, 0);
        Brk(process, Byte(5), Byte(5));
        Assert.Equal(5UL, process.Mm.TotalVm);
    }

    [Fact]
    public void Brk_DataLimit_CountsTheProgramsDataToTheByte()
    {
        using var process = new CallFixture();
        process.Mm.StartData = 0x40_4000;
        process.Mm.EndData = 0x40_5800;
        process.Limit(ResourceLimits.Data, 0x20);
        Brk(process, Byte(0, 0x20000), Heap);
        Brk(process, Byte(0, 0x1e801), Heap);
        Brk(process, Byte(0, 0x1e800), Byte(0, 0x1e800));
    }

    [Fact]
    public void Brk_LockedFuture_ObeysTheLimitAndBringsPagesIn()
    {
        using var process = new CallFixture();
        process.Limit(ResourceLimits.MemoryLock, 2);
        process.Mm.Mlockall(AddressSpace.MclFuture);
        Brk(process, Byte(3), Heap);
        Brk(process, Byte(2), Byte(2));
        Assert.Equal((2UL, 2UL), (process.Mm.LockedVm, process.Mm.Tables.RssAnon));
    }

    [Fact]
    public void MapZeroed_ReplacesWhatIsThere()
    {
        using var process = new CallFixture();
        process.Map(0, 4, Read);
        Assert.Equal(0, process.Mm.MapZeroed(At(1), Page + 1, executable: true));
        Assert.Equal("0-1r 1-3rwx 3-4r", process.Picture);
        Assert.Equal(0, process.Mm.MapZeroed(At(1), 0, executable: false));
        Assert.Equal(-Errno.ENOMEM, process.Mm.MapZeroed(At(1), ulong.MaxValue, executable: false));
        Assert.Equal(-Errno.EINVAL, process.Mm.MapZeroed(At(1) + 1, Page, executable: false));
    }
}
