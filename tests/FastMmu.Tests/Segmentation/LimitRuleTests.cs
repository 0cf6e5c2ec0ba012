using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

/// <summary>The rules about limits that implementations get wrong.</summary>
public sealed class LimitRuleTests
{
    private const ushort DataUp = 0x4093;
    private const ushort DataDown16 = 0x0097;
    private const ushort DataDown32 = 0x4097;
    private static readonly Selector Slot = Selector.Create(5);

    [Theory]
    [InlineData(DataDown32, 0x1000u, 0x1001u, 1, true)]
    [InlineData(DataDown32, 0x1000u, 0x1000u, 1, false)]
    [InlineData(DataDown32, 0x1000u, 0x0fffu, 4, false)]
    [InlineData(DataDown32, 0x1000u, 0xffff_ffffu, 1, true)]
    [InlineData(DataDown32, 0x1000u, 0xffff_fffdu, 4, false)]
    [InlineData(DataDown16, 0x1000u, 0xffffu, 1, true)]
    [InlineData(DataDown16, 0x1000u, 0xfffeu, 2, true)]
    [InlineData(DataDown16, 0x1000u, 0xffffu, 2, false)]
    [InlineData(DataDown16, 0x1000u, 0x1_0000u, 1, false)]
    [InlineData(DataDown16, 0xffffu, 0xffffu, 1, false)]
    [InlineData(DataDown16, 0xfffffu, 0xffffu, 1, false)]
    [InlineData(DataDown32, 0u, 1u, 1, true)]
    [InlineData(DataDown32, 0u, 0u, 1, false)]
    public void Rule41_ExpandDown_ValidRangeIsAboveLimit(ushort flags, uint limit, uint offset, int size, bool allowed)
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Load(SegmentRegister.DS, processor.Put(Slot, flags, 0x10_0000, limit));
        MmuFault fault = processor.Access(SegmentRegister.DS, offset, size);
        Assert.Equal(!allowed, fault.IsFault);
        if (!allowed) Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.SegmentLimit, fault.Address), fault);
    }

    [Fact]
    public void Rule41_ExpandDownOfPages_LimitOfLastPageLeavesNothing()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Load(SegmentRegister.DS, processor.Put(Slot, 0xc097, 0, 0xfffff));
        Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.DS, 0xffff_ffff).Reason);
        Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.DS, 0).Reason);
    }

    [Theory]
    [InlineData(0xfu, 0xcu, 4, true)]
    [InlineData(0xfu, 0xdu, 4, false)]
    [InlineData(0xfu, 0xfu, 1, true)]
    [InlineData(0xfu, 0x10u, 1, false)]
    [InlineData(2u, 0u, 4, false)]
    [InlineData(0u, 0u, 1, true)]
    [InlineData(0u, 0u, 2, false)]
    [InlineData(0xfu, 0xffff_ffffu, 1, false)]
    [InlineData(0xfu, 0xffff_fffeu, 16, false)]
    public void Rule42_Limit_CoversEveryByteWithoutOverflow(uint limit, uint offset, int size, bool allowed)
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Load(SegmentRegister.DS, processor.Put(Slot, DataUp, 0x10_0000, limit));
        Assert.Equal(!allowed, processor.Access(SegmentRegister.DS, offset, size).IsFault);
    }

    [Theory]
    [InlineData(0xffff_fffcu, 4, true)]
    [InlineData(0xffff_fffdu, 4, false)]
    [InlineData(0xffff_ffffu, 2, false)]
    public void Rule42_FlatSegment_AccessDoesNotWrapPast4GiB(uint offset, int size, bool allowed)
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.Equal(!allowed, processor.Access(SegmentRegister.DS, offset, size).IsFault);
    }

    [Fact]
    public void Rule42_Base_IsAddedModulo4GiB()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Load(SegmentRegister.DS, processor.Put(Slot, 0xc093, 0xffff_f000, 0xfffff));
        Assert.Equal(0x234UL, processor.Linear(SegmentRegister.DS, 0x1234));
        Assert.Equal(0x234UL, processor.Linear(SegmentRegister.DS, 0xdead_0000_0000_1234));
    }

    [Theory]
    [InlineData(0xfffu, 0xff0u, 15, 15)]
    [InlineData(0xfffu, 0xffcu, 15, 4)]
    [InlineData(0xfffu, 0xfffu, 15, 1)]
    [InlineData(0xfffu, 0x1000u, 15, 0)]
    [InlineData(0xffff_ffffu, 0xffff_fff0u, 15, 15)]
    [InlineData(0xffff_ffffu, 0xffff_fffcu, 15, 4)]
    [InlineData(0xfffu, 0u, 0, 0)]
    public void Rule43_FetchNearTheLimit_GivesTheBytesThatExist(uint limit, uint offset, int wanted, int bytes)
    {
        TestProcessor processor = TestProcessor.Protected();
        SegmentationUnit unit = processor.Unit;
        unit[SegmentRegister.CS] = unit[SegmentRegister.CS] with { Limit = limit };
        Assert.Equal(bytes, unit.FetchableBytes(offset, wanted));
        if (bytes > 0) Assert.False(processor.Access(SegmentRegister.CS, offset, bytes, Access.Execute).IsFault);
        if (bytes < wanted) Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.CS, offset, bytes + 1, Access.Execute).Reason);
    }

    [Fact]
    public void Rule43_FetchAtTheResetVector_NeedsNoFifteenBytes()
    {
        var processor = new TestProcessor();
        Assert.Equal(15, processor.Unit.FetchableBytes(0xfff0, 15));
        Assert.Equal(0xffff_fff0UL, processor.Linear(SegmentRegister.CS, 0xfff0, 15, Access.Execute));
        Assert.Equal(5, processor.Unit.FetchableBytes(0xfffb, 15));
    }

    [Fact]
    public void Rule43_FetchNearTheCanonicalEnd_GivesTheBytesThatExist()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        Assert.Equal(2, processor.Unit.FetchableBytes(0x7fff_ffff_fffe, 15));
        Assert.Equal(0, processor.Unit.FetchableBytes(0x8000_0000_0000, 15));
        Assert.Equal(15, processor.Unit.FetchableBytes(0xffff_8000_0000_0000, 15));
    }

    [Fact]
    public void Rule44_RealMode_Checks64KLimitFromThe286On()
    {
        var processor = new TestProcessor();
        processor.Load(SegmentRegister.DS, 0x1234);
        Assert.Equal(0x12340UL + 0xfffe, processor.Linear(SegmentRegister.DS, 0xfffe, 2));
        MmuFault fault = processor.Access(SegmentRegister.DS, 0xffff, 2);
        Assert.Equal((ExceptionVector.GeneralProtection, FaultReason.SegmentLimit), (fault.Vector, fault.Reason));
        Assert.Equal(ExceptionVector.StackFault, processor.Access(SegmentRegister.SS, 0xffff, 2).Vector);
    }

    [Fact]
    public void Rule44_RealModeOfThe8086_ChecksNoLimit()
    {
        var processor = new TestProcessor(ProcessorFeatures.I386 with { RealModeLimits = false });
        processor.Load(SegmentRegister.DS, 0xffff);
        Assert.Equal(0xffff0UL + 0xffff, processor.Linear(SegmentRegister.DS, 0xffff, 2));
        Assert.False(processor.Jump(0xf000, 0x1_0000).IsFault);
    }

    [Fact]
    public void Rule44_UnrealMode_KeepsTheCachedLimitAcrossLoads()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Load(SegmentRegister.DS, processor.Put(Slot, 0xc093, 0, 0xfffff));
        processor.Unit.Update(new PagingState(processor.Unit.Features));
        Assert.Equal(SegmentationMode.Real, processor.Unit.Mode);

        processor.Load(SegmentRegister.DS, 0x100);
        Assert.Equal(new CachedSegment(0x100, 0x1000, uint.MaxValue, 0xc093), processor.Unit[SegmentRegister.DS]);
        Assert.Equal(0x1000UL + 0xfee0_0000, processor.Linear(SegmentRegister.DS, 0xfee0_0000, 4));
    }

    [Fact]
    public void Rule44_Virtual8086_SetsThe64KLimit()
    {
        TestProcessor processor = TestProcessor.Virtual8086();
        processor.Unit[SegmentRegister.DS] = new(0, 0, uint.MaxValue, 0xc093);
        processor.Load(SegmentRegister.DS, 0xb800);
        Assert.Equal(new CachedSegment(0xb800, 0xb8000, 0xffff, 0x00f3), processor.Unit[SegmentRegister.DS]);
        Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.DS, 0x1_0000).Reason);
        Assert.Equal(3, processor.Unit.Cpl);
    }
}
