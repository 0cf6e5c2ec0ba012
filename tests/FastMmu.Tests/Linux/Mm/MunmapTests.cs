using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>munmap.</summary>
public class MunmapTests
{
    [Theory]
    [InlineData(0x1000_0001UL, 4096UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 0UL, -Errno.EINVAL)]
    [InlineData(0x7fff_ffff_f000UL, 1UL, -Errno.EINVAL)]
    [InlineData(0x8000_0000_0000UL, 4096UL, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, ulong.MaxValue, -Errno.EINVAL)]
    [InlineData(0x1000_0000UL, 1UL, 0)]
    [InlineData(0UL, 0x7fff_ffff_f000UL, 0)]
    public void Munmap_OfNothing_ChecksTheRangeOnly(ulong address, ulong length, long expected)
    {
        using var process = new CallFixture();
        Assert.Equal(expected, process.Mm.Munmap(address, length));
    }

    [Fact]
    public void Munmap_OverHolesAndEdges_CutsAndCounts()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Map(6, 4, Read);
        process.Write(3);
        Assert.Equal(0, process.Unmap(2, 6));
        Assert.Equal("0-2rw 8-10r", process.Picture);
        Assert.Equal(0UL, process.Mm.Tables.Rss);
        Assert.Equal((4UL, 8UL), (process.Mm.TotalVm, process.Mm.HiwaterVm));
        Assert.Equal(At(8) >> 12, process.Area(8).PageOffset);
    }

    [Fact]
    public void Munmap_AtTheLimitOfAreas_MayCutButNotSplit()
    {
        using var process = new CallFixture();
        process.Machine.Settings.MaxMapCount = 2;
        process.Map(0, 4);
        process.Map(6, 4, Read);
        Assert.Equal(-Errno.ENOMEM, process.Unmap(1, 1));
        Assert.Equal(0, process.Unmap(0, 1));
        Assert.Equal(0, process.Unmap(3, 4));
        Assert.Equal("1-3rw 7-10r", process.Picture);
    }

    [Fact]
    public void Munmap_OverASealedArea_RemovesNothingButLeavesTheCut()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Map(4, 2, Read);
        Assert.Equal(0, process.Mm.Mseal(At(4), 2 * Page, 0));
        Assert.Equal(-Errno.EPERM, process.Unmap(2, 4));
        Assert.Equal("0-2rw 2-4rw 4-6r", process.Picture);
        Assert.Equal(-Errno.EPERM, process.Unmap(5, 1));
        Assert.Equal("0-2rw 2-4rw 4-6r", process.Picture);
    }

    [Fact]
    public void Munmap_OfASpecialMapping_GoesWholeOrNotAtAll()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Mm.AddArea(new Vma
        {
            Start = At(2), End = At(4), Flags = VmFlags.Read | VmFlags.Exec | VmFlags.MayAccessMask | VmFlags.DontExpand, Name = SpecialMapping.Vdso,
        });
        Assert.Equal(-Errno.EINVAL, process.Unmap(1, 2));
        Assert.Equal("0-1rw 1-2rw 2-4rx", process.Picture);
        Assert.Equal(-Errno.EINVAL, process.Protect(2, 1, Read));
        Assert.Equal(0, process.Unmap(2, 2));
    }
}
