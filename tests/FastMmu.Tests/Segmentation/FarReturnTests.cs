using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class FarReturnTests
{
    private static readonly Selector Code3 = Selector.Create(8, rpl: 3);
    private static readonly Selector Stack3 = Selector.Create(9, rpl: 3);
    private static readonly Selector Data0 = Selector.Create(10);

    [Fact]
    public void ReturnToOuterLevel_LoadsStackAndEmptiesInnerSegments()
    {
        TestProcessor processor = WithUser(TestProcessor.Protected());
        processor.Put(Data0, 0xc093, 0, 0xfffff);
        processor.Load(SegmentRegister.DS, Data0);
        processor.Load(SegmentRegister.ES, Stack3);
        processor.Unit[SegmentRegister.FS] = new(Data0, 0, uint.MaxValue, 0xc09f);

        Assert.True(Return(processor, Code3, Stack3, out MmuFault fault), fault.ToString());
        Assert.Equal((3, Code3, Stack3), (
            processor.Unit.Cpl, processor.Unit[SegmentRegister.CS].Selector, processor.Unit[SegmentRegister.SS].Selector));
        Assert.False(processor.Unit[SegmentRegister.DS].Usable);
        Assert.True(processor.Unit[SegmentRegister.DS].Selector.IsNull);
        Assert.Equal(Stack3, processor.Unit[SegmentRegister.ES].Selector);
        // Conforming code may stay: every level may read it.
        Assert.True(processor.Unit[SegmentRegister.FS].Usable);
        Assert.Equal(FaultReason.NullSelector, processor.Access(SegmentRegister.DS, 0).Reason);
    }

    [Fact]
    public void ReturnToOuterLevel_KeepsABaseThatAnMsrGaveToANullFs()
    {
        TestProcessor processor = WithUser(TestProcessor.SixtyFourBit());
        processor.Load(SegmentRegister.FS, 0);
        processor.Unit.TryWriteFsBase(0x7f00_1234_5000, out _);
        processor.Put(Code3, 0xa0fb, 0, 0);
        Assert.True(Return(processor, Code3, Stack3, out MmuFault fault), fault.ToString());
        Assert.Equal(0x7f00_1234_5000UL, processor.Linear(SegmentRegister.FS, 0));
    }

    [Fact]
    public void ReturnToSameLevel_LeavesStackAlone()
    {
        TestProcessor processor = WithUser(TestProcessor.Protected(cpl: 3));
        CachedSegment stack = processor.Unit[SegmentRegister.SS];
        Assert.True(Return(processor, Code3, 0, out MmuFault fault), fault.ToString());
        Assert.Equal(stack, processor.Unit[SegmentRegister.SS]);
    }

    [Fact]
    public void ReturnToInnerLevel_IsRefused()
    {
        TestProcessor processor = WithUser(TestProcessor.Protected(cpl: 3));
        Selector code = processor.Put(Selector.Create(8), 0xc09b, 0, 0xfffff);
        Assert.False(Return(processor, code, Stack3, out MmuFault fault));
        Assert.Equal(new(ExceptionVector.GeneralProtection, code.Value, 0, FaultReason.SegmentPrivilege), fault);
    }

    [Theory]
    [InlineData(0xc0fb, FaultReason.None)]
    [InlineData(0xc09b, FaultReason.SegmentPrivilege)]
    [InlineData(0xc09f, FaultReason.None)]
    [InlineData(0xc0f3, FaultReason.SegmentType)]
    [InlineData(0xc07b, FaultReason.SegmentNotPresent)]
    public void ReturnToCode_IsCheckedAgainstTheRplOfItsSelector(int flags, FaultReason reason)
    {
        TestProcessor processor = WithUser(TestProcessor.Protected());
        processor.Put(Code3, (ushort)flags, 0, 0xfffff);
        Return(processor, Code3, Stack3, out MmuFault fault);
        Assert.Equal(reason, fault.Reason);
        if (fault.IsFault) Assert.Equal(Code3.ErrorCode, fault.ErrorCode);
    }

    [Theory]
    [InlineData(0xc0f3, 3, ExceptionVector.None, FaultReason.None)]
    [InlineData(0xc0f3, 2, ExceptionVector.GeneralProtection, FaultReason.SegmentPrivilege)]
    [InlineData(0xc093, 3, ExceptionVector.GeneralProtection, FaultReason.SegmentPrivilege)]
    [InlineData(0xc0f1, 3, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0xc073, 3, ExceptionVector.StackFault, FaultReason.SegmentNotPresent)]
    public void ReturnToOuterStack_IsChecked(int flags, int rpl, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = WithUser(TestProcessor.Protected());
        Selector stack = processor.Put(Stack3.WithRpl(rpl), (ushort)flags, 0, 0xfffff);
        Return(processor, Code3, stack, out MmuFault fault);
        Assert.Equal((vector, reason), (fault.Vector, fault.Reason));
        if (fault.IsFault) Assert.Equal(stack.ErrorCode, fault.ErrorCode);
    }

    [Fact]
    public void Return_NullSelectors_AreRefused()
    {
        TestProcessor processor = WithUser(TestProcessor.Protected());
        Assert.False(Return(processor, 3, Stack3, out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), fault);
        Assert.False(Return(processor, Code3, 3, out fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), fault);
    }

    [Theory]
    [InlineData(0xa0, 0, true)]
    [InlineData(0xa0, 2, true)]
    [InlineData(0xa0, 3, false)]
    [InlineData(0xc0, 2, false)]
    public void ReturnWithNullStack_IsLegalTo64BitCodeBelowLevel3(int size, int privilege, bool legal)
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        Selector code = processor.Put(Selector.Create(8, privilege), (ushort)((size << 8) | 0x9b | (privilege << 5)), 0, 0xfffff);
        Selector stack = new Selector(0).WithRpl(privilege);
        bool returned = processor.Unit.TryFarReturn(code, 0, stack, alwaysLoadsStack: true, out _, out MmuFault fault);
        Assert.Equal(legal ? MmuFault.None : MmuFault.GeneralProtection(0, FaultReason.NullSelector), fault);
        Assert.Equal(legal, returned);
        if (legal) Assert.Equal((privilege, stack), (processor.Unit.Cpl, processor.Unit[SegmentRegister.SS].Selector));
    }

    [Fact]
    public void Return_PastTheLimit_ChangesNothing()
    {
        TestProcessor processor = WithUser(TestProcessor.Protected());
        processor.Put(Code3, 0x40fa, 0, 0xff);
        CachedSegment code = processor.Unit[SegmentRegister.CS], stack = processor.Unit[SegmentRegister.SS];
        Assert.False(processor.Unit.TryFarReturn(Code3, 0x100, Stack3, alwaysLoadsStack: false, out _, out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.SegmentLimit, 0x100), fault);
        Assert.Equal((code, stack, 0), (processor.Unit[SegmentRegister.CS], processor.Unit[SegmentRegister.SS], processor.BitsSet));
    }

    private static TestProcessor WithUser(TestProcessor processor)
    {
        processor.Put(Code3, 0xc0fb, 0, 0xfffff);
        processor.Put(Stack3, 0xc0f3, 0, 0xfffff);
        return processor;
    }

    private static bool Return(TestProcessor processor, Selector code, Selector stack, out MmuFault fault) =>
        processor.Unit.TryFarReturn(code, 0, stack, alwaysLoadsStack: false, out _, out fault);
}
