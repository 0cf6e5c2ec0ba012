using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class LoadTests
{
    private static readonly Selector Slot = Selector.Create(5);

    [Theory]
    [InlineData(SegmentRegister.DS, 0, 0, 0, FaultReason.None)]
    [InlineData(SegmentRegister.DS, 0, 3, 3, FaultReason.None)]
    [InlineData(SegmentRegister.DS, 0, 3, 2, FaultReason.SegmentPrivilege)]
    [InlineData(SegmentRegister.DS, 3, 0, 2, FaultReason.SegmentPrivilege)]
    [InlineData(SegmentRegister.DS, 2, 1, 2, FaultReason.None)]
    [InlineData(SegmentRegister.SS, 0, 0, 0, FaultReason.None)]
    [InlineData(SegmentRegister.SS, 3, 3, 3, FaultReason.None)]
    [InlineData(SegmentRegister.SS, 0, 0, 3, FaultReason.SegmentPrivilege)]
    [InlineData(SegmentRegister.SS, 0, 3, 0, FaultReason.SegmentPrivilege)]
    [InlineData(SegmentRegister.SS, 3, 3, 2, FaultReason.SegmentPrivilege)]
    public void Load_Privilege_IsCheckedAgainstDpl(SegmentRegister register, int cpl, int rpl, int dpl, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected(cpl);
        Selector selector = processor.Put(Slot.WithRpl(rpl), (ushort)(0xc093 | (dpl << 5)), 0, 0xfffff);
        MmuFault fault = processor.Load(register, selector);
        Assert.Equal(reason, fault.Reason);
        if (fault.IsFault) Assert.Equal((ExceptionVector.GeneralProtection, Slot.Value), (fault.Vector, fault.ErrorCode));
    }

    [Theory]
    [InlineData(SegmentRegister.DS, 0x4091, FaultReason.None)]
    [InlineData(SegmentRegister.DS, 0x409b, FaultReason.None)]
    [InlineData(SegmentRegister.DS, 0x4099, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.DS, 0x0082, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.DS, 0x008c, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.SS, 0x4091, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.SS, 0x4095, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.SS, 0x4097, FaultReason.None)]
    [InlineData(SegmentRegister.SS, 0x409b, FaultReason.SegmentType)]
    [InlineData(SegmentRegister.SS, 0x0082, FaultReason.SegmentType)]
    public void Load_Type_IsChecked(SegmentRegister register, int flags, FaultReason reason)
    {
        TestProcessor processor = TestProcessor.Protected();
        MmuFault fault = processor.Load(register, processor.Put(Slot, (ushort)flags, 0, 0xffff));
        Assert.Equal(reason, fault.Reason);
        if (fault.IsFault) Assert.Equal((ExceptionVector.GeneralProtection, Slot.Value), (fault.Vector, fault.ErrorCode));
    }

    [Theory]
    [InlineData(SegmentRegister.DS, ExceptionVector.SegmentNotPresent)]
    [InlineData(SegmentRegister.GS, ExceptionVector.SegmentNotPresent)]
    [InlineData(SegmentRegister.SS, ExceptionVector.StackFault)]
    public void Load_NotPresent_NamesTheSelector(SegmentRegister register, ExceptionVector vector)
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.Equal(new(vector, Slot.Value, 0, FaultReason.SegmentNotPresent), processor.Load(register, processor.Put(Slot, 0x4013, 0, 0xffff)));
    }

    [Fact]
    public void Load_NotPresentAndForbidden_SaysForbidden()
    {
        TestProcessor processor = TestProcessor.Protected(cpl: 3);
        Assert.Equal(FaultReason.SegmentPrivilege, processor.Load(SegmentRegister.DS, processor.Put(Slot, 0x4013, 0, 0xffff)).Reason);
    }

    [Theory]
    [InlineData(0x38, false, 0x3f, false)]
    [InlineData(0x38, false, 0x3e, true)]
    [InlineData(0x3c, true, 0x3f, false)]
    [InlineData(0x3c, true, 0x3e, true)]
    public void Load_SelectorOutsideTable_IsRefused(int selector, bool local, int limit, bool refused)
    {
        TestProcessor processor = TestProcessor.Protected();
        var slot = new Selector((ushort)selector);
        processor.Put(slot, 0xc093, 0x1_0000, 0xfffff);
        if (local) processor.Unit.Ldtr = processor.Unit.Ldtr with { Limit = (uint)limit };
        else processor.Unit.Gdtr = processor.Unit.Gdtr with { Limit = (ushort)limit };
        MmuFault fault = processor.Load(SegmentRegister.DS, slot);
        Assert.Equal(refused ? new(ExceptionVector.GeneralProtection, slot.ErrorCode, 0, FaultReason.SelectorOutsideTable) : MmuFault.None, fault);
        if (!refused) Assert.Equal(0x1_0000UL, processor.Linear(SegmentRegister.DS, 0));
    }

    [Fact]
    public void Load_LocalSelectorWithoutLdt_IsOutsideTheTable()
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.True(processor.Unit.TryLoadLdtr(0, out _));
        MmuFault fault = processor.Load(SegmentRegister.DS, new Selector(0xf));
        Assert.Equal(new(ExceptionVector.GeneralProtection, 0xc, 0, FaultReason.SelectorOutsideTable), fault);
        // Index 0 of the LDT is a descriptor like any other, not the null selector.
        Assert.Equal(FaultReason.SelectorOutsideTable, processor.Load(SegmentRegister.DS, new Selector(4)).Reason);
    }

    [Fact]
    public void Load_PageFaultOfTheTable_IsPassedOn()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.AbsentPage = TestProcessor.LdtBase;
        MmuFault fault = processor.Load(SegmentRegister.DS, new Selector(0x1c));
        Assert.Equal((ExceptionVector.PageFault, TestProcessor.LdtBase + 0x18), (fault.Vector, fault.Address));
    }

    [Fact]
    public void Load_TableBehind4GiB_WrapsOutsideLongMode()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Put(Slot, 0xc093, 0x1_0000, 0xfffff);
        // Base FFFFFF00h: the descriptor at offset 1128h lies at 1028h.
        processor.Unit.Gdtr = new(0xffff_ff00, 0xffff);
        Assert.False(processor.Load(SegmentRegister.DS, new Selector(0x1128)).IsFault);
        Assert.Equal(0x1_0000UL, processor.Linear(SegmentRegister.DS, 0));
    }

    [Fact]
    public void Load_IntoCs_IsTheEmbeddersMistake()
    {
        TestProcessor processor = TestProcessor.Protected();
        Assert.Throws<ArgumentException>(() => processor.Unit.TryLoad(SegmentRegister.CS, Slot, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => processor.Unit.TryLoad((SegmentRegister)6, Slot, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => processor.Unit.TryToLinear((SegmentRegister)7, 0, 1, Access.Read, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => processor.Unit.FetchableBytes(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => processor.Unit.Cpl = 4);
    }

    [Theory]
    [InlineData(0x4fff, 0x28, 0x4fffu)]
    [InlineData(0x0082, 0x28, 0xffffu)]
    [InlineData(0x0084, 0x28, null)]
    [InlineData(0x0083, 0x28, 0xffffu)]
    [InlineData(0xc093, 0x2b, null)]
    [InlineData(0xc09f, 0x2b, 0xffff_fffu)]
    [InlineData(0xc073, 0x2b, 0xffff_fffu)]
    [InlineData(0xc093, 0x00, null)]
    [InlineData(0xc093, 0x400, null)]
    public void LoadLimit_OfASegment_IsItsLimitIfItMayBeSeen(int flags, int selector, uint? expected)
    {
        // The first row has a limit of its own, to see the bytes count.
        TestProcessor processor = TestProcessor.Protected();
        uint raw = expected == 0x4fffu ? 0x4fffu : 0xffffu;
        processor.Put(Slot, flags == 0x4fff ? (ushort)0x40f3 : (ushort)flags, 0, raw);
        Assert.True(processor.Unit.TryLoadLimit(new Selector((ushort)selector), out uint? limit, out MmuFault fault));
        Assert.Equal((expected, MmuFault.None), (limit, fault));
        Assert.Equal(0, processor.BitsSet);
    }

    [Fact]
    public void LoadLimit_OfATableThatIsNotThere_IsAPageFault()
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.AbsentPage = TestProcessor.GdtBase;
        Assert.False(processor.Unit.TryLoadLimit(Slot, out uint? limit, out MmuFault fault));
        Assert.Equal((null, ExceptionVector.PageFault), (limit, fault.Vector));
    }
}
