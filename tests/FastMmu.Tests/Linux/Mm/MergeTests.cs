using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>Which neighbours become one area.</summary>
public class MergeTests
{
    [Theory]
    [InlineData(MmapFlags.NoReserve)]
    [InlineData(MmapFlags.Stack)]
    [InlineData(MmapFlags.GrowsDown)]
    [InlineData(MmapFlags.Locked)]
    public void Mmap_NextToAnAreaOfOtherFlags_StaysApart(uint extra)
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Map(1, 1, flags: Fixed | extra);
        process.Map(2, 1, flags: Fixed | extra);
        Assert.Equal(2, process.Mm.Areas.Count);
    }

    [Fact]
    public void Mmap_BetweenTwoAreas_MakesOneOfThree()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Map(2, 1);
        process.Map(1, 1);
        Assert.Equal("0-3rw", process.Picture);
    }

    [Fact]
    public void Mmap_BetweenAreasWithPagesOfTheirOwn_JoinsOnlyTheLower()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Map(2, 1);
        process.Write(0);
        process.Write(2);
        process.Map(1, 1);
        Assert.Equal("0-2rw 2-3rw", process.Picture);
    }

    [Fact]
    public void Mmap_OfOneFileByTwoDescriptions_StaysApart()
    {
        using var process = new CallFixture();
        const uint Shared = MmapFlags.Shared | MmapFlags.Fixed;
        process.Map(0, 1, Read, Shared, 3);
        process.Map(1, 1, Read, Shared, 4, Page);
        process.Map(2, 1, Read, Shared, 4, 2 * Page);
        process.Map(3, 1, Read, Shared, 4, 2 * Page);
        Assert.Equal("0-1r 1-3r 3-4r", process.Picture);
    }

    [Fact]
    public void Mmap_SharedAnonymousNeighbours_NeverMerge()
    {
        using var process = new CallFixture();
        const uint Shared = MmapFlags.Shared | MmapFlags.Anonymous | MmapFlags.Fixed;
        process.Map(0, 1, flags: Shared);
        process.Map(1, 1, flags: Shared);
        Assert.Equal("0-1rw 1-2rw", process.Picture);
    }

    [Fact]
    public void Write_NextToAnAreaThatDiffersInRights_TakesItsGroup()
    {
        using var process = new CallFixture();
        process.Map(0, 1);
        process.Map(1, 1, ReadWrite | Protection.Exec);
        process.Write(0);
        process.Write(1);
        Assert.Equal(process.Area(0).AnonVma, process.Area(1).AnonVma);
        process.Protect(1, 1, ReadWrite);
        Assert.Equal("0-2rw", process.Picture);
    }

    [Theory]
    [InlineData("6.18", "0-2rw")]
    [InlineData("6.12", "0-1rw 1-2rw")]
    public void Mprotect_OfAWrittenAreaNextToAnUnwritten_MergesSince616(string release, string expected)
    {
        using var process = new CallFixture(release == "6.18" ? KernelProfile.V6_18 : KernelProfile.V6_12);
        process.Map(0, 1);
        process.Map(1, 1, Read);
        process.Protect(1, 1, ReadWrite | Protection.Exec);
        process.Write(1);
        process.Protect(1, 1, ReadWrite);
        Assert.Equal(expected, process.Picture);
    }

    [Fact]
    public void Fork_ChildsInheritedAreas_MergeAmongThemselvesOnly()
    {
        using var process = new CallFixture();
        process.Map(0, 3);
        process.Write(0);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        Assert.NotNull(child);
        child.Mmap(At(3), Page, ReadWrite, Fixed, -1, 0);
        Assert.Equal(2, child.Areas.Count);
        child.Mprotect(At(1), Page, Read);
        Assert.Equal(4, child.Areas.Count);
        child.Mprotect(At(1), Page, ReadWrite);
        Assert.Equal(2, child.Areas.Count);
        process.Map(3, 1);
        Assert.Equal("0-4rw", process.Picture);
        AddressSpaceInvariants.Check(child);
        child.Dispose();
    }

    [Fact]
    public void Merging_AnonVmas_AreGivenBackWithTheLastArea()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Write(1);
        process.Protect(2, 1, Read);
        process.Unmap(0, 2);
        process.Protect(2, 1, ReadWrite);
        Assert.Equal(1, process.Machine.AnonVmas.Count);
        process.Unmap(0, 4);
        Assert.Equal(0, process.Machine.AnonVmas.Count);
    }

    [Fact]
    public void Mremap_OfAnUnwrittenArea_MergesAtItsNewPlace()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Map(8, 2);
        process.Move(8, 2, 2, MremapFlags.MayMove | MremapFlags.Fixed, 2);
        Assert.Equal("0-4rw", process.Picture);
    }

    [Fact]
    public void Mremap_OfAWrittenArea_MergesOnlyBackHome()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Write(3);
        const uint To = MremapFlags.MayMove | MremapFlags.Fixed;
        process.Move(2, 2, 2, To, 8);
        process.Map(10, 1);
        Assert.Equal("0-2rw 8-10rw 10-11rw", process.Picture);
        process.Move(8, 2, 2, To, 2);
        Assert.Equal("0-4rw 10-11rw", process.Picture);
    }

    [Fact]
    public void Mremap_OfAHalfOntoItsOwnNeighbourhood_MergesWithItself()
    {
        using var process = new CallFixture();
        process.Map(0, 4);
        process.Move(2, 2, 2, MremapFlags.MayMove | MremapFlags.Fixed, 4);
        Assert.Equal("0-2rw 4-6rw", process.Picture);
    }

    [Fact]
    public void Merging_GuardFlag_DoesNotKeepApartAndStays()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Advise(0, 1, Advice.GuardInstall);
        process.Map(2, 2);
        Assert.Equal("0-4rw", process.Picture);
        Assert.True(process.Area(3).Flags.HasFlag(VmFlags.MaybeGuard));
    }

    [Fact]
    public void Write_NextToAnAreaWithGuards_TakesItsGroup()
    {
        using var process = new CallFixture();
        process.Map(0, 2);
        process.Write(1);
        process.Advise(0, 1, Advice.GuardInstall);
        process.Map(2, 1, ReadWrite | Protection.Exec);
        process.Write(2);
        Assert.Equal(process.Area(0).AnonVma, process.Area(2).AnonVma);
        process.Protect(2, 1, ReadWrite);
        Assert.Equal("0-3rw", process.Picture);
    }
}
