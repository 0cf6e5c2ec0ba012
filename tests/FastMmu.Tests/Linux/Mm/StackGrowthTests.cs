using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>Areas that grow downwards.</summary>
public class StackGrowthTests
{
    private const uint Growing = Fixed | MmapFlags.GrowsDown;
    private const int Map = FaultOutcome.MapError;

    private static int Code(CallFixture process, long page, Access access = Access.Read)
    {
        FaultOutcome outcome = process.Mm.Touch(At(page), access, out _);
        return outcome.IsResolved ? 0 : outcome.Code;
    }

    [Fact]
    public void Touch_BelowAGrowingArea_GrowsItUpToTheLimit()
    {
        using var process = new CallFixture();
        process.Map(5000, 2, flags: Growing);
        process.Limit(ResourceLimits.Stack, 100);
        Assert.Equal(0, Code(process, 4950));
        Assert.Equal("4950-5002rw", process.Picture);
        Assert.Equal(0, Code(process, 4902, Access.Write));
        Assert.Equal(Map, Code(process, 4901));
        Assert.Equal((100UL, 100UL), (process.Mm.StackVm, process.Mm.TotalVm));
        Assert.Equal(At(4902) >> 12, process.Area(4902).PageOffset);
    }

    [Theory]
    [InlineData(ReadWrite, Fixed, 256, 0)]
    [InlineData(ReadWrite, Fixed, 255, Map)]
    [InlineData(Protection.None, Fixed, 0, 0)] // a guard of the program's own
    [InlineData(ReadWrite, Growing, 0, 0)] // another stack
    public void Touch_AboveAnotherArea_KeepsTheGap(int protection, uint flags, long pages, int code)
    {
        using var process = new CallFixture();
        process.Map(10, 1, protection, flags);
        process.Map(1000, 1, flags: Growing);
        Assert.Equal(code, Code(process, 11 + pages));
    }

    [Fact]
    public void Touch_ThatMayNot_GrowsFirst()
    {
        using var process = new CallFixture();
        process.Map(1000, 1, Read, Growing);
        Assert.Equal(FaultOutcome.AccessError, Code(process, 990, Access.Write));
        Assert.Equal("990-1001r", process.Picture);
    }

    [Fact]
    public void Touch_OverALimit_DoesNotGrow()
    {
        using var process = new CallFixture();
        process.Map(1000, 1, flags: Growing);
        process.Limit(ResourceLimits.AddressSpace, 4);
        Assert.Equal(Map, Code(process, 996));
        Assert.Equal(0, Code(process, 997));
        process.Limit(ResourceLimits.AddressSpace, 1000);
        process.Limit(ResourceLimits.MemoryLock, 5);
        process.Lock(997, 4);
        Assert.Equal(Map, Code(process, 995));
        Assert.Equal(0, Code(process, 996));
        Assert.Equal(5UL, process.Mm.LockedVm);
        process.Machine.Settings.TotalRamPages = 0;
        process.Mm.Munlockall();
        Assert.Equal(Map, Code(process, 995));
    }

    [Fact]
    public void Touch_InTheLowestPages_DoesNotGrow()
    {
        using var process = new CallFixture();
        process.Mm.Mmap(0x20000, Page, ReadWrite, Growing, -1, 0);
        Assert.False(process.Mm.Touch(0xF000, Access.Read, out _).IsResolved);
        Assert.True(process.Mm.Touch(0x10000, Access.Read, out _).IsResolved);
    }
}
