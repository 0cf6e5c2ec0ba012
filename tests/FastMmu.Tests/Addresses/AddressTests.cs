using FastMmu.Addresses;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Addresses;

public sealed class AddressTests
{
    [Theory]
    [InlineData(0, 48, true)]
    [InlineData(0x0000_7fff_ffff_ffff, 48, true)]
    [InlineData(0x0000_8000_0000_0000, 48, false)]
    [InlineData(0x0000_8000_0000_0000, 57, true)]
    [InlineData(0xffff_8000_0000_0000, 48, true)]
    [InlineData(0xffff_7fff_ffff_ffff, 48, false)]
    [InlineData(0xffff_7fff_ffff_ffff, 57, true)]
    [InlineData(0x00ff_ffff_ffff_ffff, 57, true)]
    [InlineData(0x0100_0000_0000_0000, 57, false)]
    [InlineData(0xff00_0000_0000_0000, 57, true)]
    [InlineData(0xfeff_ffff_ffff_ffff, 57, false)]
    [InlineData(ulong.MaxValue, 48, true)]
    [InlineData(0x8000_0000_0000_0000, 57, false)]
    [InlineData(0x8000_0000_0000_0000, 64, true)]
    public void IsCanonical_LooksAtEveryBitAboveTheWidth(ulong address, int width, bool canonical) =>
        Assert.Equal(canonical, new LinearAddress(address).IsCanonical(width));

    [Fact]
    public void LinearArithmetic_WrapsAtBothEnds()
    {
        LinearAddress last = ulong.MaxValue;
        Assert.Equal(new LinearAddress(1), last + 2);
        Assert.Equal(last, new LinearAddress(1) - 2UL);
        Assert.Equal(2UL, new LinearAddress(1) - last);
        Assert.True(new LinearAddress(1) < last && last > new LinearAddress(1));
        Assert.True(last >= new LinearAddress(1) && new LinearAddress(1) <= last);
        Assert.Equal(1, last.CompareTo(0UL));
        Assert.Equal("0xffffffffffffffff", last.ToString());
    }

    [Theory]
    [InlineData(PageSize.Size4K, 0x678, "4 KiB")]
    [InlineData(PageSize.Size2M, 0x14_5678, "2 MiB")]
    [InlineData(PageSize.Size4M, 0x34_5678, "4 MiB")]
    [InlineData(PageSize.Size1G, 0x1234_5678, "1 GiB")]
    public void PageOfAnAddress_IsItsBasePlusItsOffset(PageSize size, ulong offset, string name)
    {
        LinearAddress linear = 0xffff_8000_1234_5678;
        Assert.Equal(offset, linear.OffsetIn(size));
        Assert.Equal(linear, linear.AlignDown(size) + offset);
        Assert.Equal(0UL, linear.AlignDown(size).Value & (size.Bytes() - 1));
        Assert.Equal(1UL << size.Shift(), size.Bytes());
        Assert.Equal(name, size.Name());
        PhysicalAddress physical = 0xf_8000_1234_5678;
        Assert.Equal(physical.Value - offset, physical.AlignDown(size).Value);
    }

    [Fact]
    public void PhysicalAddress_HasAtMost52Bits()
    {
        const ulong beyond = 1UL << 52;
        Assert.Equal(beyond - 1, new PhysicalAddress(beyond - 1).Value);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhysicalAddress(beyond));
        Assert.Throws<ArgumentOutOfRangeException>(() => (PhysicalAddress)ulong.MaxValue);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhysicalAddress(beyond - 1) + 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhysicalAddress(1) + ulong.MaxValue);
        Assert.True(PhysicalAddress.TryCreate(beyond - 1, out PhysicalAddress highest));
        Assert.Equal(beyond - 1, highest.Value);
        Assert.False(PhysicalAddress.TryCreate(beyond, out PhysicalAddress none));
        Assert.Equal(0UL, none.Value);
        Assert.Equal(beyond - 1, PhysicalAddress.Truncate(ulong.MaxValue).Value);
    }

    [Fact]
    public void PhysicalAddresses_HaveAnOrderAndADistance()
    {
        PhysicalAddress low = 0x1000, high = 0x3000;
        Assert.True(low < high && high > low && low <= high && high >= low);
        Assert.True(low.CompareTo(high) < 0);
        Assert.Equal(0x2000UL, high - low);
        Assert.Equal(high, low + 0x2000);
        Assert.Equal("0x3000", high.ToString());
    }

    [Fact]
    public void Ranges_AreHalfOpenAndReachTheEnd()
    {
        var top = new LinearRange(ulong.MaxValue - 0xfff, 0x1000);
        Assert.True(top.Contains(ulong.MaxValue));
        Assert.False(top.Contains(0UL));
        Assert.False(top.Contains(ulong.MaxValue - 0x1000));
        Assert.Equal(ulong.MaxValue, top.Last.Value);
        Assert.Equal("fffffffffffff000-ffffffffffffffff", top.ToString());
        var physical = new PhysicalRange((1UL << 52) - 0x1000, 0x1000);
        Assert.Equal(1UL << 52, physical.End);
        Assert.True(physical.Contains((1UL << 52) - 1));
        Assert.False(physical.Contains((1UL << 52) - 0x1001));
        Assert.False(new LinearRange(5UL, 0).Contains(5UL));
    }

    [Fact]
    public void LogicalAddress_AsText_NamesItsSegment() => Assert.Equal("fs:0x28", new LogicalAddress(SegmentRegister.FS, 0x28).ToString());

    [Fact]
    public void ByteSizes_ArePowersOf1024()
    {
        Assert.Equal(1UL << 10, KiB);
        Assert.Equal(1UL << 20, MiB);
        Assert.Equal(1UL << 30, GiB);
        Assert.Equal(1UL << 40, TiB);
    }
}
