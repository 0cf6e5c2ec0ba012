using System.Text;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using Xunit;
using static FastMmu.Tests.Linux.Mm.CallFixture;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>Names of anonymous memory. No record has them, for the kernel that was asked was built without: these are the rules of mm/madvise.c and kernel/sys.c.</summary>
public sealed class AnonymousNameTests
{
    private const ulong NameAt = Base + (100 * Page);

    [Fact]
    public void Name_OfAPartOfAnArea_CutsItAndJoinsItAgain()
    {
        using CallFixture process = Named();
        process.Map(0, 4);
        Assert.Equal(0, process.Mm.SetAnonymousName(Base + Page, Page, "one"));
        Assert.Equal("0-1 1-2[anon:one] 2-4", Areas(process));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base + (2 * Page), 1, "one"));
        Assert.Equal("0-1 1-3[anon:one] 3-4", Areas(process));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base, 2 * Page, "two"));
        Assert.Equal("0-2[anon:two] 2-3[anon:one] 3-4", Areas(process));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base, 4 * Page, null));
        Assert.Equal("0-4", Areas(process));
    }

    [Fact]
    public void Name_KeepsNeighboursApart_WhateverMakesThemAlike()
    {
        using CallFixture process = Named();
        process.Map(0, 1);
        Assert.Equal(0, process.Mm.SetAnonymousName(Base, Page, "one"));
        process.Map(1, 2);
        Assert.Equal("0-1[anon:one] 1-3", Areas(process));
        Assert.Equal(0, process.Mm.Mprotect(Base + Page, Page, Read));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base + Page, Page, "one"));
        Assert.Equal("0-1[anon:one] 1-2[anon:one] 2-3", Areas(process));
        Assert.Equal(0, process.Mm.Mprotect(Base, Page, Read));
        Assert.Equal("0-2[anon:one] 2-3", Areas(process));
        Assert.Equal(0, process.Mm.Mprotect(Base, 2 * Page, ReadWrite));
        Assert.Equal("0-2[anon:one] 2-3", Areas(process));
    }

    [Fact]
    public void Name_GoesWithTheAreaThroughMremapAndFork()
    {
        using CallFixture process = Named();
        process.Map(0, 2);
        Assert.Equal(0, process.Mm.SetAnonymousName(Base, Page, "one"));
        Assert.Equal((long)(Base + (8 * Page)), process.Mm.Mremap(Base, Page, 2 * Page, MremapFlags.MayMove | MremapFlags.Fixed, Base + (8 * Page)));
        Assert.Equal("1-2 8-10[anon:one]", Areas(process));
        Assert.Equal((long)(Base + (8 * Page)), process.Mm.Mremap(Base + (8 * Page), 2 * Page, 3 * Page, 0, 0));
        Assert.Equal("1-2 8-11[anon:one]", Areas(process));
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        Assert.True(child!.Areas.TryFind(Base + (8 * Page), out Vma vma));
        Assert.Equal("[anon:one]", AreaNames.Of(child, vma));
        child.Dispose();
    }

    [Fact]
    public void Name_OfSharedMemory_IsShownAsSuch_AndFilesHaveNone()
    {
        using CallFixture process = Named();
        process.Map(0, 1, flags: MmapFlags.Shared | MmapFlags.Anonymous | MmapFlags.Fixed);
        process.Map(1, 1);
        Assert.Equal((long)(Base + (2 * Page)), process.Mm.Mmap(Base + (2 * Page), Page, ReadWrite, MmapFlags.Private | MmapFlags.Fixed, 3, 0));
        Assert.Equal((long)(Base + (3 * Page)), process.Mm.Mmap(Base + (3 * Page), Page, ReadWrite, MmapFlags.Private | MmapFlags.Fixed, 7, 0));
        Assert.Equal((long)(Base + (4 * Page)), process.Mm.Mmap(Base + (4 * Page), Page, ReadWrite, MmapFlags.Shared | MmapFlags.Fixed, 7, 0));
        Assert.Equal(-Errno.EBADF, process.Mm.SetAnonymousName(Base, 5 * Page, "one"));
        Assert.Equal(-Errno.EBADF, process.Mm.SetAnonymousName(Base + (3 * Page), Page, "one"));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base + (4 * Page), Page, "zero"));
        Assert.Equal("0-1[anon_shmem:one] 1-2[anon:one] 2-3memory 3-4zero 4-5[anon_shmem:zero]", Areas(process));
    }

    [Fact]
    public void Name_OfTheHeap_DoesNotShow_ButKeepsTheHeapFromGrowingAsOneArea()
    {
        using CallFixture process = Named();
        process.Mm.Brk(Heap + Page);
        Assert.Equal(0, process.Mm.SetAnonymousName(Heap, Page, "mine"));
        process.Mm.Brk(Heap + (2 * Page));
        Assert.Equal(2, process.Mm.Areas.Count);
        Assert.True(process.Mm.Areas.TryFind(Heap, out Vma vma));
        Assert.Equal("[heap]", AreaNames.Of(process.Mm, vma));
    }

    [Fact]
    public void Name_AcrossAHole_NamesTheRestAndSaysSo()
    {
        using CallFixture process = Named();
        process.Map(0, 1);
        process.Map(2, 1);
        Assert.Equal(-Errno.ENOMEM, process.Mm.SetAnonymousName(Base, 3 * Page, "one"));
        Assert.Equal("0-1[anon:one] 2-3[anon:one]", Areas(process));
    }

    [Fact]
    public void Name_OfTooManyAreas_IsTriedAgain()
    {
        using CallFixture process = Named();
        process.Map(0, 3);
        process.Machine.Settings.MaxMapCount = 1;
        Assert.Equal(-Errno.EAGAIN, process.Mm.SetAnonymousName(Base + Page, Page, "one"));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(" !~", 0)]
    [InlineData("a[", -Errno.EINVAL)]
    [InlineData("a]", -Errno.EINVAL)]
    [InlineData("$a", -Errno.EINVAL)]
    [InlineData("`", -Errno.EINVAL)]
    [InlineData("\\", -Errno.EINVAL)]
    [InlineData("\u007f", -Errno.EINVAL)]
    [InlineData("\u001f", -Errno.EINVAL)]
    [InlineData("é", -Errno.EINVAL)]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012345678", 0)]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234567890123456789", -Errno.EINVAL)]
    public void Prctl_WithAName_TakesPrintableOnesOf79Characters(string name, long result)
    {
        using CallFixture process = Named();
        process.Map(0, 1);
        Assert.Equal(result, Prctl(process, name, Base, Page));
        Assert.Equal(result == 0 ? $"0-1[anon:{name}]" : "0-1", Areas(process));
        Assert.Equal(0, process.Mm.Prctl(PrctlOption.SetVma, PrctlOption.SetVmaAnonymousName, Base, Page, 0));
        Assert.Equal("0-1", Areas(process));
    }

    [Fact]
    public void Prctl_WithBadArguments_IsRefused()
    {
        using CallFixture process = Named();
        process.Map(0, 1);
        Assert.Equal(-Errno.EINVAL, Prctl(process, "one", Base + 1, Page));
        Assert.Equal(-Errno.EINVAL, Prctl(process, "one", Base, ulong.MaxValue));
        Assert.Equal(-Errno.EINVAL, Prctl(process, "one", Base, unchecked(0UL - Base)));
        Assert.Equal(0, Prctl(process, "one", Base + (50 * Page), 0));
        Assert.Equal(-Errno.ENOMEM, Prctl(process, "one", Base + (50 * Page), Page));
        Assert.Equal(-Errno.EFAULT, process.Mm.Prctl(PrctlOption.SetVma, PrctlOption.SetVmaAnonymousName, Base, Page, 1));
        // The string runs out of its page before it ends: a fault, though it would be too long as well.
        process.Mm.Write(NameAt + Page - 3, "abc"u8);
        Assert.Equal(-Errno.EFAULT, process.Mm.Prctl(PrctlOption.SetVma, PrctlOption.SetVmaAnonymousName, Base, Page, NameAt + Page - 3));
        Assert.Equal(-Errno.EINVAL, process.Mm.Prctl(PrctlOption.SetVma, 1, Base, Page, 0));
        process.Machine.Settings.AnonymousNames = false;
        Assert.Equal(-Errno.EINVAL, Prctl(process, "one", Base, Page));
        Assert.Equal(-Errno.EINVAL, process.Mm.SetAnonymousName(Base, Page, "one"));
        Assert.Equal("0-1", Areas(process));
    }

    [Fact]
    public void Names_GivenAndForgotten_DoNotPileUp()
    {
        using CallFixture process = Named();
        process.Map(0, 4);
        Assert.Equal(0, process.Mm.SetAnonymousName(Base, Page, "kept"));
        for (int i = 0; i < 3000; i++)
        {
            Assert.Equal(0, process.Mm.SetAnonymousName(Base + (2 * Page), Page, $"name {i}"));
        }

        Assert.True(process.Machine.AreaNames.Count < 600);
        Assert.Equal("0-1[anon:kept] 1-2 2-3[anon:name 2999] 3-4", Areas(process));
        Assert.Equal(0, process.Mm.SetAnonymousName(Base + Page, Page, "kept"));
        Assert.Equal("0-2[anon:kept] 2-3[anon:name 2999] 3-4", Areas(process));
    }

    private static CallFixture Named()
    {
        var process = new CallFixture();
        process.Machine.Settings.AnonymousNames = true;
        return process;
    }

    // The name lies in a page of its own, which is not shown.
    private static long Prctl(CallFixture process, string name, ulong address, ulong length)
    {
        process.Mm.Mmap(NameAt, Page, ReadWrite, Fixed, -1, 0);
        Assert.True(process.Mm.Write(NameAt, Encoding.Latin1.GetBytes(name + '\0')).IsResolved);
        return process.Mm.Prctl(PrctlOption.SetVma, PrctlOption.SetVmaAnonymousName, address, length, NameAt);
    }

    private static string Areas(CallFixture process)
    {
        var all = new List<string>();
        for (ulong at = Base; process.Mm.Areas.TryFind(at, out Vma vma) && vma.Start < NameAt; at = vma.End)
        {
            all.Add($"{(vma.Start - Base) / Page}-{(vma.End - Base) / Page}{AreaNames.Of(process.Mm, vma)}");
        }

        return string.Join(' ', all);
    }
}
