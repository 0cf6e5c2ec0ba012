using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

/// <summary>The rules about types, privilege and long mode that implementations get wrong.</summary>
public sealed class PrivilegeRuleTests
{
    private static readonly Selector Slot = Selector.Create(5);
    private static readonly Selector Slot3 = Selector.Create(5, rpl: 3);

    [Theory]
    [InlineData(SegmentRegister.SS, ExceptionVector.StackFault)]
    [InlineData(SegmentRegister.DS, ExceptionVector.GeneralProtection)]
    [InlineData(SegmentRegister.CS, ExceptionVector.GeneralProtection)]
    [InlineData(SegmentRegister.GS, ExceptionVector.GeneralProtection)]
    public void Rule45_LimitThroughSs_IsStackFaultAndOthersAreGeneralProtection(SegmentRegister register, ExceptionVector vector)
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Unit[register] = processor.Unit[register] with { Limit = 0xfff };
        MmuFault fault = processor.Access(register, 0x1000);
        Assert.Equal((vector, (ushort)0, FaultReason.SegmentLimit), (fault.Vector, fault.ErrorCode, fault.Reason));
    }

    [Fact]
    public void Rule45_NullDataSegment_LoadsAndFaultsAtTheAccess()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        Assert.False(processor.Load(SegmentRegister.ES, 3).IsFault);
        Assert.Equal((Selector)3, processor.Unit[SegmentRegister.ES].Selector);
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), processor.Access(SegmentRegister.ES, 0));
    }

    [Fact]
    public void Rule45_NullStackSegment_IsRefusedAtTheLoad()
    {
        TestProcessor processor = TestProcessor.Protected();
        CachedSegment before = processor.Unit[SegmentRegister.SS];
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NullSelector), processor.Load(SegmentRegister.SS, 0));
        Assert.Equal(before, processor.Unit[SegmentRegister.SS]);
    }

    [Theory]
    [InlineData(0x4099, Access.Read, false)]
    [InlineData(0x409b, Access.Read, true)]
    [InlineData(0x409b, Access.Write, false)]
    [InlineData(0x4091, Access.Write, false)]
    [InlineData(0x4091, Access.Read, true)]
    [InlineData(0x4093, Access.Write, true)]
    [InlineData(0x4093, Access.Execute, false)]
    [InlineData(0x4099, Access.Execute, true)]
    public void Rule45_Type_DecidesReadAndWrite(int flags, Access access, bool allowed)
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Unit[SegmentRegister.DS] = new(Slot, 0, 0xffff, (ushort)flags);
        MmuFault fault = processor.Access(SegmentRegister.DS, 0, 1, access);
        Assert.Equal(allowed ? FaultReason.None : FaultReason.SegmentType, fault.Reason);
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(3, 0, true)]
    [InlineData(3, 2, true)]
    [InlineData(0, 1, false)]
    [InlineData(2, 3, false)]
    public void Rule45_JumpToConformingCode_NeedsDplNotAboveCpl(int cpl, int dpl, bool allowed)
    {
        TestProcessor processor = TestProcessor.Protected(cpl);
        Selector selector = processor.Put(Slot3, (ushort)(0xc09e | (dpl << 5)), 0, 0xfffff);
        MmuFault fault = processor.Jump(selector);
        if (allowed)
        {
            Assert.Equal(MmuFault.None, fault);
            // Conforming code runs at the caller's privilege, and CS says so.
            Assert.Equal((cpl, cpl), (processor.Unit.Cpl, processor.Unit[SegmentRegister.CS].Selector.Rpl));
        }
        else
        {
            Assert.Equal(MmuFault.GeneralProtection(selector.ErrorCode, FaultReason.SegmentPrivilege), fault);
        }
    }

    [Fact]
    public void Rule45_ConformingReadableCode_LoadsAsDataWhateverItsDpl()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        Assert.False(processor.Load(SegmentRegister.DS, processor.Put(Slot3, 0xc09e, 0, 0xfffff)).IsFault);
        Assert.Equal(FaultReason.SegmentPrivilege, processor.Load(SegmentRegister.DS, processor.Put(Slot3, 0xc09a, 0, 0xfffff)).Reason);
        Assert.Equal(FaultReason.SegmentType, processor.Load(SegmentRegister.DS, processor.Put(Slot3, 0xc0f8, 0, 0xfffff)).Reason);
    }

    [Fact]
    public void Rule45_CallGate_GivesCsTheNewCplAsRpl()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        Selector code = processor.Put(Selector.Create(6, rpl: 3), 0xc09b, 0, 0xfffff);
        Selector stack = processor.Put(Selector.Create(7), 0xc093, 0, 0xfffff);
        processor.Poke(TestProcessor.TssBase + 4, 0x8000, 4);
        processor.Poke(TestProcessor.TssBase + 8, stack.Value, 2);
        CallGate gate = CallGate.Create(code, 0x1234, dpl: 3);
        Assert.True(processor.Unit.TryFarCall(processor.Put(Slot3, gate.Low), 0, out FarTransfer transfer, out MmuFault fault), fault.ToString());
        Assert.Equal(code.WithRpl(0), processor.Unit[SegmentRegister.CS].Selector);
        Assert.Equal((0, 0x1234UL, 0x8000UL, true), (processor.Unit.Cpl, transfer.Offset, transfer.StackPointer, transfer.SwitchesStack));
        Assert.Equal(stack, processor.Unit[SegmentRegister.SS].Selector);
    }

    [Fact]
    public void Rule45_ReturnToStackNotPresent_IsStackFault()
    {
        TestProcessor processor = TestProcessor.Protected();
        Selector code = processor.Put(Selector.Create(6, rpl: 3), 0xc0fb, 0, 0xfffff);
        Selector stack = processor.Put(Selector.Create(7, rpl: 3), 0xc073, 0, 0xfffff);
        Assert.False(processor.Unit.TryFarReturn(code, 0, stack, alwaysLoadsStack: false, out _, out MmuFault fault));
        Assert.Equal(new(ExceptionVector.StackFault, stack.ErrorCode, 0, FaultReason.SegmentNotPresent), fault);
        Assert.Equal(0, processor.Unit.Cpl);
    }

    [Fact]
    public void Rule46_64BitMode_IgnoresBasesAndLimitsButThoseOfFsAndGs()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        foreach (SegmentRegister register in Enum.GetValues<SegmentRegister>())
        {
            processor.Unit[register] = processor.Unit[register] with { Base = 0x7000, Limit = 0 };
            ulong expected = register is SegmentRegister.FS or SegmentRegister.GS ? 0x7000UL + 0x1234_5678_9abc : 0x1234_5678_9abc;
            Assert.Equal(expected, processor.Linear(register, 0x1234_5678_9abc, 8, Access.Write));
        }
    }

    [Fact]
    public void Rule46_NegativeOffsetFromFs_ReachesBelowTheBase()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        Assert.True(processor.Unit.TryWriteFsBase(0x7f46_2d40_a740, out _));
        Assert.Equal(0x7f46_2d40_a740UL - 0x78, processor.Linear(SegmentRegister.FS, unchecked((ulong)-0x78L), 8));
    }

    [Fact]
    public void Rule46_MovToFs_ReplacesTheBaseThatAnMsrGave()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        processor.Unit.TryWriteFsBase(0x7f46_2d40_a740, out _);
        processor.Load(SegmentRegister.FS, processor.Put(Slot3, 0xc0f3, 0x9000_0000, 0xfffff));
        Assert.Equal(0x9000_0010UL, processor.Linear(SegmentRegister.FS, 0x10));

        processor.Unit.TryWriteFsBase(0x7f46_2d40_a740, out _);
        processor.Load(SegmentRegister.FS, 0);
        Assert.Equal(0x10UL, processor.Linear(SegmentRegister.FS, 0x10));
    }

    [Fact]
    public void Rule46_SystemDescriptors_HaveSixteenBytes()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        var descriptor = SystemDescriptor.Create(0x89, 0xffff_fe00_0000_3000, 0x4087);
        Selector selector = processor.Put(Selector.Create(8), descriptor.Low, descriptor.High);
        Assert.True(processor.Unit.TryLoadTr(selector, out MmuFault fault), fault.ToString());
        Assert.Equal(new CachedSegment(selector, 0xffff_fe00_0000_3000, 0x4087, 0x8b), processor.Unit.Tr);
    }

    [Fact]
    public void Rule47_AccessedBit_IsAnImplicitWriteThatCanPageFault()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.ReadOnlyPage = TestProcessor.GdtBase;
        Selector selector = processor.Put(Slot, 0xc092, 0x1000, 0xfffff);
        CachedSegment before = processor.Unit[SegmentRegister.DS];
        MmuFault fault = processor.Load(SegmentRegister.DS, selector);
        Assert.Equal((ExceptionVector.PageFault, TestProcessor.GdtBase + selector.TableOffset + 5), (fault.Vector, fault.Address));
        Assert.Equal(before, processor.Unit[SegmentRegister.DS]);

        // Already accessed: nothing to write, nothing to fault.
        Assert.False(processor.Load(SegmentRegister.DS, processor.Put(Slot, 0xc093, 0x1000, 0xfffff)).IsFault);
    }

    [Fact]
    public void Rule47_BusyBit_IsAnImplicitWriteThatCanPageFault()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.ReadOnlyPage = TestProcessor.GdtBase;
        Selector selector = processor.Put(Slot, 0x0089, 0x3000, 0x67);
        Assert.False(processor.Unit.TryLoadTr(selector, out MmuFault fault));
        Assert.Equal((ExceptionVector.PageFault, TestProcessor.GdtBase + selector.TableOffset + 5), (fault.Vector, fault.Address));
        Assert.Equal((Selector)0x40, processor.Unit.Tr.Selector);
    }

    [Fact]
    public void Rule47_AccessedBit_IsWrittenOnceAndOnlyWhenClear()
    {
        TestProcessor processor = TestProcessor.Protected();
        Selector selector = processor.Put(Slot, 0xc092, 0x1000, 0xfffff);
        Assert.False(processor.Load(SegmentRegister.DS, selector).IsFault);
        Assert.True(processor.Get(selector).Attributes.IsAccessed);
        Assert.True(processor.Unit[SegmentRegister.DS].Attributes.IsAccessed);
        processor.Load(SegmentRegister.ES, selector);
        Assert.Equal(1, processor.BitsSet);
    }

    [Fact]
    public void Rule47_AccessedBitInRom_IsNoFault()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Rom = true;
        Selector selector = processor.Put(Slot, 0xc092, 0x1000, 0xfffff);
        Assert.False(processor.Load(SegmentRegister.DS, selector).IsFault);
        Assert.False(processor.Get(selector).Attributes.IsAccessed);
        Assert.True(processor.Unit[SegmentRegister.DS].Attributes.IsAccessed);
    }

    [Fact]
    public void Rule47_RefusedLoad_LeavesTheAccessedBitAlone()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        Selector selector = processor.Put(Slot3, 0xc092, 0x1000, 0xfffff);
        Assert.Equal(FaultReason.SegmentPrivilege, processor.Load(SegmentRegister.DS, selector).Reason);
        Assert.Equal(0, processor.BitsSet);
    }
}
