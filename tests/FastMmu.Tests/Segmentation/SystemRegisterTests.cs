using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class SystemRegisterTests
{
    private static readonly Selector Slot = Selector.Create(5);

    [Fact]
    public void LoadLdtr_Of8Bytes_MakesLocalSelectorsWork()
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.True(processor.Unit.TryLoadLdtr(processor.Put(Slot, 0x0082, (uint)TestProcessor.LdtBase, 0x0f), out MmuFault fault), fault.ToString());
        var local = new Selector(0xc);
        processor.Put(local, 0xc093, 0x5000, 0xfffff);
        Assert.False(processor.Load(SegmentRegister.DS, local).IsFault);
        Assert.Equal(0x5000UL, processor.Linear(SegmentRegister.DS, 0));
        Assert.Equal(FaultReason.SelectorOutsideTable, processor.Load(SegmentRegister.DS, new Selector(0x14)).Reason);
    }

    [Theory]
    [InlineData(0x0089, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0092, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0002, ExceptionVector.SegmentNotPresent, FaultReason.SegmentNotPresent)]
    public void LoadLdtr_OfSomethingElse_NamesTheSelector(int flags, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected();
        CachedSegment before = processor.Unit.Ldtr;
        Assert.False(processor.Unit.TryLoadLdtr(processor.Put(Slot, (ushort)flags, 0, 0xff), out MmuFault fault));
        Assert.Equal(new(vector, Slot.Value, 0, reason), fault);
        Assert.Equal(before, processor.Unit.Ldtr);
    }

    [Theory]
    [InlineData(0x0089, ExceptionVector.None, FaultReason.None)]
    [InlineData(0x0081, ExceptionVector.None, FaultReason.None)]
    [InlineData(0x008b, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0082, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0099, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0009, ExceptionVector.SegmentNotPresent, FaultReason.SegmentNotPresent)]
    public void LoadTr_InProtectedMode_WantsAnAvailableTss(int flags, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected();
        bool loaded = processor.Unit.TryLoadTr(processor.Put(Slot, (ushort)flags, 0x3000, 0x67), out MmuFault fault);
        Assert.Equal((vector, reason), (fault.Vector, fault.Reason));
        if (loaded) Assert.Equal(flags | 2, processor.Get(Slot).Attributes.Value);
        else Assert.Equal((Slot.Value, flags), (fault.ErrorCode, processor.Get(Slot).Attributes.Value));
    }

    [Fact]
    public void SystemRegisters_LocalAndNullSelectors_AreTreatedAsTheManualSays()
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.False(processor.Unit.TryLoadTr(0, out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), fault);
        Assert.False(processor.Unit.TryLoadTr(new Selector(0x2c), out fault));
        Assert.Equal((0x2c, FaultReason.SelectorOutsideTable), (fault.ErrorCode, fault.Reason));
        Assert.False(processor.Unit.TryLoadLdtr(new Selector(0x2c), out fault));
        Assert.Equal((0x2c, FaultReason.SelectorOutsideTable), (fault.ErrorCode, fault.Reason));
        Assert.True(processor.Unit.TryLoadLdtr(0, out _));
        Assert.False(processor.Unit.Ldtr.Usable);
    }

    [Fact]
    public void SystemRegisters_AboveLevel0_AreRefused()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 1);
        MmuFault refused = MmuFault.GeneralProtection(0, FaultReason.SegmentPrivilege);
        Assert.False(processor.Unit.TryLoadTr(Slot, out MmuFault fault));
        Assert.Equal(refused, fault);
        Assert.False(processor.Unit.TryLoadLdtr(0, out fault));
        Assert.Equal(refused, fault);
        Assert.False(processor.Unit.TryLoadGdtr(default, out fault));
        Assert.Equal(refused, fault);
    }

    [Fact]
    public void LoadLdtr_In64BitMode_ReadsSixteenBytes()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        var descriptor = SystemDescriptor.Create(0x82, 0xffff_8800_0000_0000, 7);
        processor.Put(Slot, descriptor.Low, descriptor.High);
        Assert.True(processor.Unit.TryLoadLdtr(Slot, out MmuFault fault), fault.ToString());
        Assert.Equal(new CachedSegment(Slot, 0xffff_8800_0000_0000, 7, 0x82), processor.Unit.Ldtr);
    }

    [Theory]
    [InlineData(0x2f, 0UL, 0UL, FaultReason.SelectorOutsideTable)]
    [InlineData(0x37, 0UL, 0UL, FaultReason.None)]
    [InlineData(0x37, 0UL, 0x100_0000_0000UL, FaultReason.SegmentType)]
    [InlineData(0x37, 0x0100_0000UL, 0UL, FaultReason.NonCanonical)]
    [InlineData(0x37, 0xff00_0000UL, 0UL, FaultReason.None)]
    public void LoadLdtr_In64BitMode_ChecksTheUpperHalf(int gdtLimit, ulong upperBase, ulong reserved, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        processor.Unit.Gdtr = processor.Unit.Gdtr with { Limit = (ushort)gdtLimit };
        processor.Put(Slot, SystemDescriptor.Create(0x82, 0, 7).Low, upperBase | reserved);
        processor.Unit.TryLoadLdtr(Slot, out MmuFault fault);
        Assert.Equal(reason, fault.Reason);
        if (fault.IsFault) Assert.Equal((ExceptionVector.GeneralProtection, Slot.Value), (fault.Vector, fault.ErrorCode));
    }

    [Fact]
    public void LoadTr_In64BitMode_RefusesA16BitTss()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        processor.Put(Slot, SystemDescriptor.Create(0x81, 0x3000, 0x67).Low, 0UL);
        Assert.False(processor.Unit.TryLoadTr(Slot, out MmuFault fault));
        Assert.Equal((Slot.Value, FaultReason.SegmentType), (fault.ErrorCode, fault.Reason));
    }

    [Fact]
    public void LoadLdtr_InCompatibilityMode_ReadsEightBytes()
    {
        TestProcessor processor = TestProcessor.Compatibility();
        processor.Put(Slot, SystemDescriptor.Create(0x82, 0x2000, 7).Low, ulong.MaxValue);
        Assert.True(processor.Unit.TryLoadLdtr(Slot, out MmuFault fault), fault.ToString());
        Assert.Equal(0x2000UL, processor.Unit.Ldtr.Base);
    }

    [Fact]
    public void LoadGdtr_NonCanonicalBase_IsRefused()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        Assert.True(processor.Unit.TryLoadGdtr(new(0xffff_fe00_0000_1000, 0x7f), out _));
        Assert.Equal(new DescriptorTableRegister(0xffff_fe00_0000_1000, 0x7f), processor.Unit.Gdtr);
        Assert.False(processor.Unit.TryLoadGdtr(new(0x0100_0000_0000_0000, 0x7f), out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NonCanonical, 0x0100_0000_0000_0000), fault);
    }
}
