using FastMmu.Linux.Exec;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>How much may be on the stack of a new program.</summary>
public sealed class ArgumentAreaTests
{
    private const ulong KiB = 1024, MiB = 1024 * 1024;

    [Fact]
    public void Strings_LieFromTheEndOfTheStackDownwards()
    {
        ArgumentArea area = Area(8 * MiB);
        Assert.True(area.TryPush("path"u8));
        Assert.True(area.TryPush("b"u8));
        Assert.True(area.TryPush(""u8));
        Assert.Equal("\0b\0path\0\0\0\0\0\0\0\0\0"u8.ToArray(), area.Bytes.ToArray());
        area.Drop();
        area.Drop();
        Assert.Equal("path\0\0\0\0\0\0\0\0\0"u8.ToArray(), area.Bytes.ToArray());
    }

    [Fact]
    public void String_OfMoreThan32Pages_DoesNotFit()
    {
        Assert.True(Area(8 * MiB).TryPush(new byte[(128 * 1024) - 1]));
        Assert.False(Area(8 * MiB).TryPush(new byte[128 * 1024]));
    }

    // A quarter of the stack's limit, at least 128 KiB, at most 6 MiB; and never more than the stack may hold.
    [Theory]
    [InlineData(8 * MiB, 2 * MiB)]
    [InlineData(1024 * MiB, 6 * MiB)]
    [InlineData(ulong.MaxValue, 6 * MiB)]
    [InlineData(256 * KiB, 128 * KiB)]
    public void Strings_TogetherStayBelowAPartOfTheStack(ulong stackLimit, ulong expected)
    {
        ArgumentArea area = Area(stackLimit);
        ulong pushed = 0;
        while (area.TryPush(new byte[1023])) pushed += 1024;
        Assert.Equal(expected, pushed);
    }

    [Fact]
    public void Strings_NeverNeedMoreThanTheStackMayHold()
    {
        ArgumentArea area = Area(64 * KiB);
        ulong pushed = 0;
        while (area.TryPush(new byte[1023])) pushed += 1024;
        Assert.Equal(63 * KiB, pushed);
        Assert.False(new ArgumentArea(2, 8, 8 * MiB, addressSpaceLimit: 4096).TryPush(new byte[5000]));
    }

    [Fact]
    public void Pointers_CountToo()
    {
        Assert.True(new ArgumentArea((128 * 1024 / 8) - 1, 8, 256 * KiB, ulong.MaxValue).Fits);
        Assert.False(new ArgumentArea(128 * 1024 / 8, 8, 256 * KiB, ulong.MaxValue).Fits);
        Assert.True(new ArgumentArea(128 * 1024 / 8, 4, 256 * KiB, ulong.MaxValue).Fits);
    }

    private static ArgumentArea Area(ulong stackLimit) => new(0, 8, stackLimit, ulong.MaxValue);
}
