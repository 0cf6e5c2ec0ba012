using FastMmu.Segmentation;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class DescriptorTests
{
    [Fact]
    public void DescriptorDecodedAndEncodedIsTheSame() => Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), raw =>
    {
        SegmentDescriptor descriptor = raw;
        return SegmentDescriptor.Create(descriptor.Attributes, descriptor.Base, descriptor.RawLimit) == descriptor;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void DescriptorEncodedAndDecodedIsTheSame() => Prop.ForAll(
        ArbMap.Default.ArbFor<ushort>(), ArbMap.Default.ArbFor<uint>(), ArbMap.Default.ArbFor<uint>(), (flags, segmentBase, limit) =>
        {
            SegmentDescriptor descriptor = GdtEntry.Init(flags, segmentBase, limit);
            return GdtEntry.Arguments(descriptor) == ((ushort)(flags & 0xf0ff), segmentBase, limit & 0xfffff);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void SystemDescriptorEncodedAndDecodedIsTheSame() => Prop.ForAll(
        ArbMap.Default.ArbFor<ushort>(), ArbMap.Default.ArbFor<ulong>(), ArbMap.Default.ArbFor<uint>(), (flags, segmentBase, limit) =>
        {
            var descriptor = SystemDescriptor.Create(flags, segmentBase, limit);
            return descriptor.Base == segmentBase && descriptor.RawLimit == (limit & 0xfffff) && descriptor.UpperTypeIsZero
                && descriptor.Attributes.Value == (flags & 0xf0ff);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void CallGateEncodedAndDecodedIsTheSame() => Prop.ForAll(
        ArbMap.Default.ArbFor<ushort>(), ArbMap.Default.ArbFor<ulong>(), ArbMap.Default.ArbFor<byte>(), (selector, offset, bits) =>
        {
            CallGate gate = CallGate.Create(selector, offset, bits & 3, parameters: bits >> 3, present: (bits & 4) != 0);
            return gate.Target == selector && gate.Offset == offset && gate.Parameters == bits >> 3
                && gate.Attributes.Dpl == (bits & 3) && gate.Attributes.P == ((bits & 4) != 0);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void SelectorTakenApartAndPutTogetherIsTheSame() => Prop.ForAll(ArbMap.Default.ArbFor<ushort>(), value =>
    {
        Selector selector = value;
        return Selector.Create(selector.Index, selector.Rpl, selector.Local) == selector
            && selector.ErrorCode == selector.WithRpl(0).Value;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(0x00cf9b000000ffffUL, 0u, 0xffff_ffffu)]
    [InlineData(0x00409a000000ffffUL, 0u, 0xffffu)]
    [InlineData(0x12f09a3456789abcUL, 0x1234_5678u, 0x9abcfffu)]
    [InlineData(0xff008b406000407bUL, 0xff40_6000u, 0x407bu)]
    public void Descriptor_Raw_HasBaseAndLimitInBytes(ulong raw, uint segmentBase, uint limit)
    {
        SegmentDescriptor descriptor = raw;
        Assert.Equal((segmentBase, limit), (descriptor.Base, raw == 0x12f09a3456789abcUL ? descriptor.Limit & 0xfff_ffff : descriptor.Limit));
    }

    [Theory]
    [InlineData(0xa0fb, "code64 RX accessed DPL 3")]
    [InlineData(0xc09e, "code32 RX conforming DPL 0")]
    [InlineData(0x0098, "code16 X DPL 0")]
    [InlineData(0x40f5, "data R expand-down accessed DPL 3")]
    [InlineData(0x4012, "data RW DPL 0 not present")]
    [InlineData(0x008b, "BusyTss DPL 0")]
    public void Attributes_Text_SaysWhatTheyAre(int flags, string text) => Assert.Equal(text, new SegmentAttributes((ushort)flags).ToString());

    [Fact]
    public void Selector_Text_NamesTableAndIndex()
    {
        Assert.Equal("0x2b (GDT 5, RPL 3)", new Selector(0x2b).ToString());
        Assert.Equal("0xf (LDT 1, RPL 3)", new Selector(0xf).ToString());
        Assert.Equal("0x3 (null)", new Selector(3).ToString());
        Assert.False(new Selector(4).IsNull);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(8192, 0)]
    [InlineData(0, 4)]
    [InlineData(0, -1)]
    public void Selector_OutOfRange_Throws(int index, int rpl) => Assert.Throws<ArgumentOutOfRangeException>(() => Selector.Create(index, rpl));

    [Fact]
    public void Table_OfLongMode_ReadsSystemDescriptorsOfSixteenBytes()
    {
        byte[] table = new byte[48];
        BitConverter.TryWriteBytes(table.AsSpan(8), 0x00af9b000000ffffUL);
        BitConverter.TryWriteBytes(table.AsSpan(16), 0x00008b0030004087UL);
        BitConverter.TryWriteBytes(table.AsSpan(24), 0xfffffe00UL);
        CallGate gate = CallGate.Create(0x10, 0xffff_ffff_8100_1234, dpl: 3);
        BitConverter.TryWriteBytes(table.AsSpan(32), gate.Low);
        BitConverter.TryWriteBytes(table.AsSpan(40), gate.High);

        IReadOnlyList<DescriptorTableEntry> entries = DescriptorTableEntry.Decode(table, longMode: true);
        Assert.Equal([1, 2, 4], entries.Select(entry => entry.Index));
        Assert.Equal(0xffff_fe00_0000_3000UL, entries[1].Base);
        Assert.Equal("2: BusyTss DPL 0, base 0xfffffe0000003000, limit 0x4087", entries[1].ToString());
        Assert.Equal("4: CallGate DPL 3 to 0x10:0xffffffff81001234", entries[2].ToString());

        Assert.Equal([1, 2, 3, 4, 5], DescriptorTableEntry.Decode(table, longMode: false).Select(entry => entry.Index));
        Assert.Null(DescriptorTableEntry.Decode(table.AsSpan(0, 31), longMode: true)[1].High);
    }

    [Fact]
    public void CachedSegment_UpperDoubleword_DropsBaseAndLimitBits()
    {
        CachedSegment segment = CachedSegment.FromUpperDoubleword(0x33, 0, uint.MaxValue, 0x12af_fb34);
        Assert.Equal(new CachedSegment(0x33, 0, uint.MaxValue, 0xa0fb), segment);
        Assert.True(segment.Usable);
        Assert.False(CachedSegment.FromUpperDoubleword(0, 0, 0, 0).Usable);
    }
}
