using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>mprotect: the order of its checks, and that it stops where it must with the rest done.</summary>
public class MprotectTests
{
    private const int Down = Protection.GrowsDown;

    [Theory]
    [InlineData(0x1000_0000UL, 0UL, Down | Protection.GrowsUp, -Errno.EINVAL)] // both directions, even of nothing
    [InlineData(0x1000_0001UL, 0UL, 0, -Errno.EINVAL)]
    [InlineData(0x5000_0000UL, 0UL, 0x70, 0)] // nothing, wherever and whatever
    [InlineData(0x1000_0000UL, ulong.MaxValue, 0x70, -Errno.ENOMEM)] // wraps before the bits are looked at
    [InlineData(0x5000_0000UL, 4096UL, 0x70, -Errno.EINVAL)] // the bits before the areas
    [InlineData(0x5000_0000UL, 4096UL, 1, -Errno.ENOMEM)]
    [InlineData(0x0fff_f000UL, 8192UL, 1, -Errno.ENOMEM)] // begins in a hole
    [InlineData(0x1000_0000UL, 4096UL, 1 | Protection.Sem, 0)]
    [InlineData(0x1000_0000UL, 4096UL, 1 | Down, -Errno.EINVAL)] // does not grow
    [InlineData(0x1000_0000UL, 4096UL, 1 | Protection.GrowsUp, -Errno.EINVAL)]
    public void Mprotect_SeveralReasonsToFail_TheKernelsOrderDecides(ulong address, ulong length, int protection, long expected)
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        Assert.Equal(expected, process.Mm.Mprotect(address, length, protection));
    }

    [Fact]
    public void Mprotect_UpToAHole_DoesWhatLiesBefore()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(3, 1);
        Assert.Equal(-Errno.ENOMEM, process.Protect(1, 4, Read));
        Assert.Equal("0-1rw 1-2r 3-4rw", process.Picture);
    }

    [Fact]
    public void Mprotect_UpToAnAreaThatMayNot_DoesWhatLiesBefore()
    {
        using var process = new CallFixture();
        process.Map(0, 2, Read);
        process.Map(2, 1, Read, MmapFlags.Shared | MmapFlags.Fixed, 5);
        Assert.Equal(-Errno.EACCES, process.Protect(1, 2, ReadWrite));
        Assert.Equal("0-1r 1-2rw 2-3r", process.Picture);
        process.Mm.Mseal(At(1), Page, 0);
        Assert.Equal(-Errno.EPERM, process.Protect(0, 2, Protection.None));
        Assert.Equal("0-1 1-2rw 2-3r", process.Picture);
        Assert.Equal(-Errno.EPERM, process.Protect(1, 1, ReadWrite));
    }

    [Fact]
    public void Mprotect_GrowingArea_IsDoneFromItsStart()
    {
        using var process = new CallFixture();
        process.Map(4, 4, flags: Fixed | MmapFlags.GrowsDown);
        Assert.Equal(0, process.Protect(6, 1, Read | Down));
        Assert.Equal("4-7r 7-8rw", process.Picture);
        Assert.Equal(0, process.Protect(2, 3, ReadWrite | Down));
        Assert.Equal("4-5rw 5-7r 7-8rw", process.Picture);
        Assert.Equal(-Errno.ENOMEM, process.Protect(2, 1, Read | Down));
    }

    [Fact]
    public void Mprotect_Charge_StaysWithWrittenMemoryAndLeavesUnwritten()
    {
        using var process = new CallFixture();
        process.Map(0, 1, Read);
        process.Map(4, 1);
        Assert.Equal(1UL, process.Machine.CommittedPages);
        process.Protect(0, 1, ReadWrite);
        Assert.Equal(2UL, process.Machine.CommittedPages);
        process.Protect(0, 1, Read);
        Assert.Equal(1UL, process.Machine.CommittedPages);
        process.Write(4);
        process.Protect(4, 1, Read);
        Assert.True(process.Area(4).Flags.HasFlag(VmFlags.Account));
        Assert.Equal(1UL, process.Machine.CommittedPages);
        process.Machine.Settings.TotalRamPages = 0;
        Assert.Equal(-Errno.ENOMEM, process.Protect(0, 1, ReadWrite));
        Assert.Equal(0, process.Protect(4, 1, ReadWrite));
    }

    [Fact]
    public void Mprotect_DataLimit_MattersWhenMemoryBecomesData()
    {
        using var process = new CallFixture();
        process.Map(0, 2, Read);
        process.Limit(ResourceLimits.Data, 1);
        Assert.Equal(-Errno.ENOMEM, process.Protect(0, 2, ReadWrite));
        Assert.Equal(0, process.Protect(0, 1, ReadWrite));
        process.Limit(ResourceLimits.AddressSpace, 0);
        Assert.Equal(0, process.Protect(0, 2, ReadWrite | Protection.Exec));
    }

    [Fact]
    public void Mprotect_AtTheLimitOfAreas_FailsToSplitAndLeavesTheFirstCut()
    {
        using var process = new CallFixture();
        process.Machine.Settings.MaxMapCount = 2;
        process.Map(0, 4);
        Assert.Equal(-Errno.ENOMEM, process.Protect(1, 2, Read));
        Assert.Equal("0-1rw 1-4rw", process.Picture);
        Assert.Equal(0UL, process.Mm.ExecVm);
        Assert.Equal(4UL, process.Mm.DataVm);
    }

    [Fact]
    public void Pkey_WithoutTheProcessorsHelp_IsAnInvalidArgument()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyAlloc(0, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyMprotect(At(0), Page, Read, 0));
        Assert.Equal(0, process.Mm.PkeyMprotect(At(0), Page, Read, -1));
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyFree(0));
    }

    [Fact]
    public void Pkey_WithTheProcessorsHelp_ColoursAreas()
    {
        using var process = new CallFixture();
        process.Machine.Settings.ProtectionKeys = true;
        process.Map(0, 2);
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyAlloc(1, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyAlloc(0, 4));
        Assert.Equal(1, process.Mm.PkeyAlloc(0, 0));
        Assert.Equal(0, process.Mm.PkeyMprotect(At(0), Page, ReadWrite, 1));
        Assert.Equal("0-1rw 1-2rw", process.Picture);
        Assert.Equal(1UL, (ulong)(process.Area(0).Flags & VmFlags.ProtectionKeyMask) >> 32);
        process.Protect(0, 2, Read);
        Assert.Equal("0-1r 1-2r", process.Picture);
        process.Protect(0, 2, Protection.Exec);
        Assert.Equal("0-2x", process.Picture);
        Assert.Equal(2UL, (ulong)(process.Area(0).Flags & VmFlags.ProtectionKeyMask) >> 32);
        process.Protect(0, 2, Read);
        Assert.Equal(VmFlags.None, process.Area(0).Flags & VmFlags.ProtectionKeyMask);
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyFree(2));
        Assert.Equal(0, process.Mm.PkeyFree(1));
        Assert.Equal(-Errno.EINVAL, process.Mm.PkeyMprotect(At(0), Page, Read, 1));
        for (int key = 1; key <= 15; key++) if (key != 2) Assert.Equal(key, process.Mm.PkeyAlloc(0, 0));
        Assert.Equal(-Errno.ENOSPC, process.Mm.PkeyAlloc(0, 0));
    }

    [Fact]
    public void Fork_Child_KeepsKeysAndLayout()
    {
        using var process = new CallFixture();
        process.Machine.Settings.ProtectionKeys = true;
        process.Mm.Is32Bit = true;
        Assert.Equal(1, process.Mm.PkeyAlloc(0, 0));
        process.Map(0, 1, Protection.Exec);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        Assert.NotNull(child);
        Assert.True(child.Is32Bit);
        Assert.Equal(0, child.PkeyMprotect(At(0), Page, Read, 1));
        Assert.Equal(-Errno.EINVAL, child.PkeyFree(2));
        Assert.Equal(3, child.PkeyAlloc(0, 0));
        child.Dispose();
    }

    [Fact]
    public void Mprotect_OfAProgramWhoseReadingImpliesExecuting_AddsIt()
    {
        using var process = new CallFixture();
        process.Mm.Context.Personality = Personality.ReadImpliesExec;
        process.Map(0, 2, Read);
        process.Map(2, 1, Read, MmapFlags.Private | MmapFlags.Fixed, 10);
        Assert.Equal("0-2rx 2-3r", process.Picture);
        process.Protect(0, 1, ReadWrite);
        Assert.Equal("0-1rwx 1-2rx 2-3r", process.Picture);
    }
}
