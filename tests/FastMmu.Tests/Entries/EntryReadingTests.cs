using FastMmu.Addresses;
using FastMmu.Paging.Entries;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Entries;

public class EntryReadingTests
{
    [Theory]
    [InlineData(PagingMode.FourLevel, 4, 0x2027, "table 0x2000, writable, user, accessed")]
    [InlineData(PagingMode.FourLevel, 4, 0x20a7, "reserved bits 0x80 set, writable, user, accessed")]
    [InlineData(PagingMode.FourLevel, 4, 0x8000_0000_0000_2e19, "table 0x2000, read-only, supervisor, XD, PAT 3, available 0xe00")]
    [InlineData(PagingMode.FourLevel, 3, 0x4000_00e7, "1 GiB page 0x40000000, writable, user, accessed, dirty")]
    [InlineData(PagingMode.FourLevel, 3, 0x4000_2081, "reserved bits 0x2000 set, read-only, supervisor")]
    [InlineData(PagingMode.FourLevel, 2, 0x20_1187, "2 MiB page 0x200000, writable, user, global, PAT 4")]
    [InlineData(PagingMode.FourLevel, 1, 0x5185, "4 KiB page 0x5000, read-only, user, global, PAT 4")]
    [InlineData(PagingMode.FourLevel, 1, 0x1810_0000_0000_5001, "4 KiB page 0x5000, read-only, supervisor, key 3, available 0x10000000000000")]
    [InlineData(PagingMode.FourLevel, 1, 0x1005, "4 KiB page 0x1000, read-only, user")]
    [InlineData(PagingMode.FiveLevel, 5, 0x3007, "table 0x3000, writable, user")]
    [InlineData(PagingMode.FourLevel, 1, 0, "not present")]
    [InlineData(PagingMode.FourLevel, 1, 0x123e, "not present, software's bits 0x123e")]
    [InlineData(PagingMode.Pae, 3, 0x4001, "table 0x4000")]
    [InlineData(PagingMode.Pae, 3, 0x4e19, "table 0x4000, PAT 3, available 0xe00")]
    [InlineData(PagingMode.Pae, 3, 0x4027, "reserved bits 0x26 set")]
    [InlineData(PagingMode.Pae, 2, 0x20_0083, "2 MiB page 0x200000, writable, supervisor")]
    [InlineData(PagingMode.Pae, 1, 0x0010_0000_0000_5001, "reserved bits 0x10000000000000 set, read-only, supervisor")]
    [InlineData(PagingMode.TwoLevel, 2, 0x80_4087, "4 MiB page 0x200800000, writable, user")]
    [InlineData(PagingMode.TwoLevel, 2, 0x80_1087, "4 MiB page 0x800000, writable, user, PAT 4")]
    [InlineData(PagingMode.TwoLevel, 2, 0xa0_0087, "reserved bits 0x200000 set, writable, user")]
    [InlineData(PagingMode.TwoLevel, 1, 0xffff_f0e7, "4 KiB page 0xfffff000, writable, user, accessed, dirty, PAT 4")]
    public void Describe_AtItsLevel_SaysWhatTheProcessorReads(PagingMode mode, int level, ulong raw, string text)
    {
        PagingState state = PagingState.WithPaging(new ProcessorFeatures { La57 = true, PhysicalAddressBits = 40 }, mode, 0x1000);
        EntryReading reading = EntryReading.Of(in state, level, raw);
        Assert.Equal(text, reading.Describe());
        Assert.Equal((raw, level, mode), (reading.Raw, reading.Level, reading.Mode));
    }

    [Fact]
    public void PageSizeBit_WithoutPse_IsIgnored()
    {
        PagingState state = PagingState.WithPaging(ProcessorFeatures.I386, PagingMode.TwoLevel, 0x1000);
        EntryReading reading = EntryReading.Of(in state, 2, 0x40_0087);
        Assert.Equal((EntryKind.Table, 0x40_0000UL), (reading.Kind, reading.Address.Value));
    }

    [Fact]
    public void TableEntry_BitsOfLeaves_AreNotRead()
    {
        PagingState state = PagingState.WithPaging(ProcessorFeatures.SkylakeServer, PagingMode.FourLevel, 0x1000);
        EntryReading reading = EntryReading.Of(in state, 2, 0x7800_0000_0000_2f67);
        Assert.Equal(EntryKind.Table, reading.Kind);
        Assert.False(reading.Dirty);
        Assert.False(reading.Global);
        Assert.Equal(0, reading.ProtectionKey);
        Assert.Equal(PageSize.None, reading.PageSize);
    }

    [Fact]
    public void Of_LevelThatTheModeLacks_Throws()
    {
        PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, 0x1000);
        Assert.Throws<ArgumentOutOfRangeException>(() => EntryReading.Of(in state, 5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => EntryReading.Of(in state, 0, 1));
    }
}
