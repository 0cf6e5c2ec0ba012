using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class FarTransferTests
{
    private static readonly Selector Slot = Selector.Create(5);
    private static readonly Selector Code0 = Selector.Create(8);
    private static readonly Selector Stack0 = Selector.Create(10);

    [Theory]
    [InlineData(0, 0, 0, FaultReason.None)]
    [InlineData(3, 3, 3, FaultReason.None)]
    [InlineData(3, 0, 3, FaultReason.None)]
    [InlineData(0, 3, 0, FaultReason.SegmentPrivilege)]
    [InlineData(0, 0, 3, FaultReason.SegmentPrivilege)]
    [InlineData(3, 3, 0, FaultReason.SegmentPrivilege)]
    public void JumpToNonconformingCode_NeedsEqualPrivilege(int cpl, int rpl, int dpl, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected(cpl);
        Selector selector = processor.Put(Slot.WithRpl(rpl), (ushort)(0xc09a | (dpl << 5)), 0, 0xfffff);
        MmuFault fault = processor.Jump(selector, 0x1234);
        Assert.Equal(reason, fault.Reason);
        if (fault.IsFault) return;
        Assert.Equal(Slot.WithRpl(cpl), processor.Unit[SegmentRegister.CS].Selector);
        Assert.True(processor.Get(selector).Attributes.IsAccessed);
    }

    [Theory]
    [InlineData(0x4093, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x401b, ExceptionVector.SegmentNotPresent, FaultReason.SegmentNotPresent)]
    [InlineData(0x0089, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    [InlineData(0x0085, ExceptionVector.GeneralProtection, FaultReason.SegmentType)]
    public void JumpToSomethingElse_NamesTheSelector(int flags, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected();
        CachedSegment before = processor.Unit[SegmentRegister.CS];
        Assert.Equal(new(vector, Slot.Value, 0, reason), processor.Jump(processor.Put(Slot, (ushort)flags, 0, 0xffff)));
        Assert.Equal(before, processor.Unit[SegmentRegister.CS]);
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), processor.Jump(3));
    }

    [Theory]
    [InlineData(0xffffUL, false)]
    [InlineData(0x10000UL, true)]
    [InlineData(0x1_0000_0000UL, true)]
    public void JumpPastTheLimit_IsRefusedWithoutATrace(ulong offset, bool refused)
    {
        TestProcessor processor = TestProcessor.Protected();
        Selector selector = processor.Put(Slot, 0x409a, 0, 0xffff);
        MmuFault fault = processor.Jump(selector, offset);
        Assert.Equal(refused ? MmuFault.GeneralProtection(0, FaultReason.SegmentLimit, offset) : MmuFault.None, fault);
        Assert.Equal(refused ? 0 : 1, processor.BitsSet);
    }

    [Fact]
    public void Jump_BetweenCompatibilityAnd64BitCode_ChangesTheMode()
    {
        TestProcessor processor = TestProcessor.Compatibility(cpl: 3);
        processor.Unit[SegmentRegister.DS] = processor.Unit[SegmentRegister.DS] with { Base = 0x1000 };
        Selector code64 = processor.Put(Selector.Create(6, rpl: 3), 0xa0fb, 0, 0);
        Selector code32 = processor.Put(Selector.Create(7, rpl: 3), 0xc0fb, 0, 0xfffff);
        Selector both = processor.Put(Selector.Create(9, rpl: 3), 0xe0fb, 0, 0xfffff);

        Assert.Equal(0x1000UL, processor.Linear(SegmentRegister.DS, 0));
        Assert.False(processor.Jump(code64, 0x7fff_ffff_f000).IsFault);
        Assert.Equal(SegmentationMode.SixtyFourBit, processor.Unit.Mode);
        Assert.Equal(0UL, processor.Linear(SegmentRegister.DS, 0));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NonCanonical, 0x8000_0000_0000), processor.Jump(code64, 0x8000_0000_0000));
        Assert.Equal(FaultReason.SegmentType, processor.Jump(both).Reason);
        Assert.Equal(FaultReason.SegmentLimit, processor.Jump(code32, 0x1_0000_0000).Reason);

        Assert.False(processor.Jump(code32).IsFault);
        Assert.Equal(SegmentationMode.Compatibility, processor.Unit.Mode);
        Assert.Equal(0x1000UL, processor.Linear(SegmentRegister.DS, 0));
    }

    [Fact]
    public void Jump_OutsideLongMode_IgnoresL()
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.False(processor.Jump(processor.Put(Slot, 0xe09b, 0, 0xfffff)).IsFault);
        Assert.Equal(SegmentationMode.Protected, processor.Unit.Mode);
    }

    [Fact]
    public void Call_Undone_LeavesNoTrace()
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0x1234, dpl: 3), out Selector gate);
        CachedSegment code = processor.Unit[SegmentRegister.CS], stack = processor.Unit[SegmentRegister.SS];
        Assert.True(processor.Unit.TryFarCall(gate, 0, out FarTransfer transfer, out _));
        Assert.Equal((code, stack, 3), (transfer.OldCode, transfer.OldStack, transfer.OldCpl));
        Assert.Equal(0, processor.Unit.Cpl);
        processor.Unit.Undo(transfer);
        Assert.Equal((code, stack, 3), (processor.Unit[SegmentRegister.CS], processor.Unit[SegmentRegister.SS], processor.Unit.Cpl));
    }

    [Theory]
    [InlineData(SystemSegmentType.CallGate, 4)]
    [InlineData(SystemSegmentType.CallGate16, 2)]
    public void CallThroughGate_ToInnerLevel_TakesStackAndParameters(SystemSegmentType type, int operandSize)
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0x1234, dpl: 3, type, parameters: 5), out Selector gate);
        Assert.True(processor.Unit.TryFarCall(gate, 0xdead, out FarTransfer transfer, out MmuFault fault), fault.ToString());
        Assert.Equal((0x1234UL, true, 0x8000UL, operandSize, 5), (
            transfer.Offset, transfer.SwitchesStack, transfer.StackPointer, transfer.GateOperandSize, transfer.Parameters));
        Assert.Equal(Stack0, processor.Unit[SegmentRegister.SS].Selector);
        Assert.True(processor.Get(Stack0).Attributes.IsAccessed);
    }

    [Fact]
    public void JumpThroughGate_ToInnerLevel_IsRefused()
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0x1234, dpl: 3), out Selector gate);
        Assert.False(processor.Unit.TryFarJump(gate, 0, out _, out MmuFault fault));
        Assert.Equal(new(ExceptionVector.GeneralProtection, Code0.Value, 0, FaultReason.SegmentPrivilege), fault);
    }

    [Fact]
    public void JumpThroughGate_ToConformingCode_KeepsCpl()
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0x1234, dpl: 3), out Selector gate);
        processor.Put(Code0, 0xc09e, 0, 0xfffff);
        Assert.True(processor.Unit.TryFarJump(gate, 0, out FarTransfer transfer, out MmuFault fault), fault.ToString());
        Assert.Equal((3, Code0.WithRpl(3), false), (processor.Unit.Cpl, processor.Unit[SegmentRegister.CS].Selector, transfer.SwitchesStack));
    }

    [Theory]
    [InlineData(2, true, 3, ExceptionVector.GeneralProtection, FaultReason.SegmentPrivilege)]
    [InlineData(3, false, 3, ExceptionVector.SegmentNotPresent, FaultReason.SegmentNotPresent)]
    public void CallThroughGate_GateRefuses_NamesTheGate(int dpl, bool present, int rpl, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0, dpl, present: present), out Selector gate);
        Assert.False(processor.Unit.TryFarCall(gate.WithRpl(rpl), 0, out _, out MmuFault fault));
        Assert.Equal(new(vector, gate.ErrorCode, 0, reason), fault);
    }

    [Theory]
    [InlineData(0, 0xc093, ExceptionVector.InvalidTss, FaultReason.NullSelector)]
    [InlineData(0x500, 0xc093, ExceptionVector.InvalidTss, FaultReason.SelectorOutsideTable)]
    [InlineData(0x53, 0xc093, ExceptionVector.InvalidTss, FaultReason.SegmentPrivilege)]
    [InlineData(0x50, 0xc0b3, ExceptionVector.InvalidTss, FaultReason.SegmentPrivilege)]
    [InlineData(0x50, 0xc091, ExceptionVector.InvalidTss, FaultReason.SegmentType)]
    [InlineData(0x50, 0xc013, ExceptionVector.StackFault, FaultReason.SegmentNotPresent)]
    [InlineData(0x50, 0x0093, ExceptionVector.StackFault, FaultReason.SegmentLimit)]
    public void CallThroughGate_BadInnerStack_NamesTheStack(int selector, int flags, ExceptionVector vector, FaultReason reason)
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0, dpl: 3), out Selector gate);
        processor.Put(Stack0, (ushort)flags, 0, 0xff);
        processor.Poke(TestProcessor.TssBase + 8, (ulong)selector, 2);
        Assert.False(processor.Unit.TryFarCall(gate, 0, out _, out MmuFault fault));
        Assert.Equal(new(vector, new Selector((ushort)selector).ErrorCode, 0, reason), fault);
        Assert.Equal((3, 0), (processor.Unit.Cpl, processor.BitsSet));
    }

    [Theory]
    [InlineData(0x8000u, 20u, true)]
    [InlineData(20u, 20u, true)]
    [InlineData(19u, 20u, false)]
    [InlineData(0u, 20u, true)]
    public void CallThroughGate_InnerStack_MustHoldAllPushes(uint pointer, uint bytes, bool fits)
    {
        // A flat stack: at 0 the pushes wrap to the top of the address space, which holds them; at 19 they would straddle it.
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0, dpl: 3, parameters: (int)(bytes / 4) - 4), out Selector gate);
        processor.Poke(TestProcessor.TssBase + 4, pointer, 4);
        Assert.Equal(fits, processor.Unit.TryFarCall(gate, 0, out _, out MmuFault fault));
        if (!fits) Assert.Equal(new(ExceptionVector.StackFault, Stack0.Value, 0, FaultReason.SegmentLimit), fault);
    }

    [Fact]
    public void CallThroughGate_ShortTss_NamesTheTss()
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0, dpl: 3), out Selector gate);
        processor.Unit.Tr = processor.Unit.Tr with { Limit = 8 };
        Assert.False(processor.Unit.TryFarCall(gate, 0, out _, out MmuFault fault));
        Assert.Equal(new(ExceptionVector.InvalidTss, 0x40, 0, FaultReason.SegmentLimit), fault);
        Assert.Equal("#TS(0x40): outside the segment limit", fault.ToString());
        processor.Unit.Tr = processor.Unit.Tr with { Limit = 9 };
        Assert.True(processor.Unit.TryFarCall(gate, 0, out _, out _));
    }

    [Fact]
    public void CallThroughGate_16BitTss_HoldsWords()
    {
        TestProcessor processor = WithGate(CallGate.Create(Code0, 0, dpl: 3), out Selector gate);
        processor.Unit.Tr = processor.Unit.Tr with { Attributes = 0x83 };
        processor.Poke(TestProcessor.TssBase + 2, 0x7000, 2);
        processor.Poke(TestProcessor.TssBase + 4, Stack0.Value, 2);
        Assert.True(processor.Unit.TryFarCall(gate, 0, out FarTransfer transfer, out MmuFault fault), fault.ToString());
        Assert.Equal(0x7000UL, transfer.StackPointer);
    }

    [Fact]
    public void CallThroughGate_InLongMode_GivesANullStackOfTheInnerLevel()
    {
        TestProcessor processor = TestProcessor.Compatibility(cpl: 3);
        Selector code = processor.Put(Code0, 0xa09b, 0, 0);
        CallGate gate = CallGate.Create(code, 0xffff_ffff_8100_0000, dpl: 3);
        processor.Put(Slot, gate.Low, gate.High);
        processor.Poke(TestProcessor.TssBase + 4, 0xffff_8880_0000_1000, 8);
        Assert.True(processor.Unit.TryFarCall(Slot, 0, out FarTransfer transfer, out MmuFault fault), fault.ToString());
        Assert.Equal((0xffff_ffff_8100_0000UL, 0xffff_8880_0000_1000UL, 8), (transfer.Offset, transfer.StackPointer, transfer.GateOperandSize));
        Assert.Equal((SegmentationMode.SixtyFourBit, 0, true), (processor.Unit.Mode, processor.Unit.Cpl, processor.Unit[SegmentRegister.SS].Selector.IsNull));

        // To 32-bit code it does not lead, nor with bits in its upper half that must be zero.
        processor.Unit.Undo(transfer);
        processor.Put(Code0, 0xc09b, 0, 0xfffff);
        Assert.False(processor.Unit.TryFarCall(Slot, 0, out _, out fault));
        Assert.Equal((Code0.Value, FaultReason.SegmentType), (fault.ErrorCode, fault.Reason));
        processor.Put(Slot, gate.Low, gate.High | (1UL << 40));
        Assert.False(processor.Unit.TryFarCall(Slot, 0, out _, out fault));
        Assert.Equal((Slot.Value, FaultReason.SegmentType), (fault.ErrorCode, fault.Reason));
    }

    private static TestProcessor WithGate(CallGate gate, out Selector selector)
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        processor.Put(Code0, 0xc09b, 0, 0xfffff);
        processor.Put(Stack0, 0xc092, 0, 0xfffff);
        processor.Poke(TestProcessor.TssBase + 4, 0x8000, 4);
        processor.Poke(TestProcessor.TssBase + 8, Stack0.Value, 2);
        selector = processor.Put(Slot.WithRpl(3), gate.Low);
        return processor;
    }
}
