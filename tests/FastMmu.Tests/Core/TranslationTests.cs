using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Core;

public sealed class TranslationTests
{
    [Fact]
    public void Translation_InMemory_HasSixteenBytes() => Assert.Equal(16, Unsafe.SizeOf<Translation>());

    [Theory]
    [InlineData(PageSize.Size4K, Rights.UserReadWrite, "0x201234 (4 KiB page, user, writable)")]
    [InlineData(PageSize.Size2M, Rights.SupervisorReadExecute, "0x201234 (2 MiB page, supervisor, read-only, executable)")]
    [InlineData(PageSize.Size4M, Rights.UserAll | Rights.Global, "0x201234 (4 MiB page, user, writable, executable, global)")]
    [InlineData(PageSize.Size1G, Rights.UserRead | Rights.ShadowStack, "0x201234 (1 GiB page, user, shadow stack)")]
    [InlineData(PageSize.None, Rights.UserAll, "0x201234 (no paging)")]
    public void Success_AsText_SaysPageAndRights(PageSize size, Rights rights, string text)
    {
        var translation = new Translation(0x20_1234, size, rights, 5);
        Assert.Equal(text, translation.ToString());
        Assert.True(translation.Ok);
        Assert.Equal(0x20_1234UL, translation.Physical.Value);
        Assert.Equal((size, rights, 5), (translation.PageSize, translation.Rights, translation.PatIndex));
        Assert.Equal(MmuFault.None, translation.Fault);
    }

    [Fact]
    public void Fault_InATranslation_KeepsEveryField()
    {
        MmuFault fault = MmuFault.PageFault(PageFaultError.Present | PageFaultError.ShadowStack, 0xffff_8000_0000_0001, FaultReason.ReservedBit, 5);
        var translation = new Translation(fault);
        Assert.False(translation.Ok);
        Assert.Equal(fault, translation.Fault);
        Assert.Equal(0UL, translation.Physical.Value);
        Assert.Equal((PageSize.None, Rights.None), (translation.PageSize, translation.Rights));
        Assert.Equal(fault.ToString(), translation.ToString());
    }

    [Fact]
    public void Equality_LooksAtEveryField()
    {
        var translation = new Translation(0x1000, PageSize.Size4K, Rights.UserRead, 0);
        Translation same = new(0x1000, PageSize.Size4K, Rights.UserRead, 0);
        Assert.True(translation == same);
        Assert.Equal(translation.GetHashCode(), same.GetHashCode());
        Assert.True(translation != new Translation(0x2000, PageSize.Size4K, Rights.UserRead, 0));
        Assert.True(translation != new Translation(0x1000, PageSize.Size2M, Rights.UserRead, 0));
        Assert.True(translation != new Translation(0x1000, PageSize.Size4K, Rights.UserReadWrite, 0));
        Assert.True(translation != new Translation(0x1000, PageSize.Size4K, Rights.UserRead, 1));
        Assert.False(translation.Equals("0x1000"));
    }
}
