using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class LongModeTests
{
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(2, 2, true)]
    [InlineData(0, 1, false)]
    [InlineData(3, 3, false)]
    public void NullStack_In64BitMode_LoadsBelowLevel3WithItsOwnRpl(int cpl, int rpl, bool legal)
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl);
        MmuFault fault = processor.Load(SegmentRegister.SS, new Selector((ushort)rpl));
        Assert.Equal(legal ? MmuFault.None : MmuFault.GeneralProtection(0, FaultReason.NullSelector), fault);
        Assert.Equal(0x1000UL, processor.Linear(SegmentRegister.SS, 0x1000, 8, Access.Write));
    }

    [Fact]
    public void NullStack_InCompatibilityMode_IsRefusedAndUnusable()
    {
        TestProcessor processor = TestProcessor.Compatibility();
        Assert.Equal(FaultReason.NullSelector, processor.Load(SegmentRegister.SS, 0).Reason);
        processor.Unit[SegmentRegister.SS] = CachedSegment.Null();
        Assert.Equal(new(ExceptionVector.StackFault, 0, 0, FaultReason.NullSelector), processor.Access(SegmentRegister.SS, 0));
    }

    [Theory]
    [InlineData(false, 0x7fff_ffff_ffffUL, 1, true)]
    [InlineData(false, 0x7fff_ffff_ffffUL, 2, false)]
    [InlineData(false, 0x8000_0000_0000UL, 1, false)]
    [InlineData(false, 0xffff_7fff_ffff_ffffUL, 1, false)]
    [InlineData(false, 0xffff_7fff_ffff_ffffUL, 8, false)]
    [InlineData(false, 0xffff_8000_0000_0000UL, 8, true)]
    [InlineData(false, 0xffff_ffff_ffff_fff8UL, 8, true)]
    [InlineData(true, 0x00ff_ffff_ffff_ffffUL, 1, true)]
    [InlineData(true, 0x00ff_ffff_ffff_ffffUL, 2, false)]
    [InlineData(true, 0x8000_0000_0000UL, 1, true)]
    [InlineData(true, 0xff00_0000_0000_0000UL, 8, true)]
    [InlineData(true, 0xfeff_ffff_ffff_ffffUL, 1, false)]
    public void Access_NonCanonical_IsGeneralProtectionOrStackFault(bool fiveLevel, ulong address, int size, bool canonical)
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3, fiveLevel);
        foreach (SegmentRegister register in Enum.GetValues<SegmentRegister>())
        {
            ExceptionVector vector = register == SegmentRegister.SS ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection;
            MmuFault expected = canonical ? MmuFault.None : new(vector, 0, address, FaultReason.NonCanonical);
            Assert.Equal(expected, processor.Access(register, address, size, Access.Write));
        }
    }

    [Fact]
    public void CompatibilityMode_CutsBasesAndOffsetsTo32Bits()
    {
        TestProcessor processor = TestProcessor.Compatibility(cpl: 3);
        processor.Unit.TryWriteGsBase(0x7f00_8000_0000, out _);
        Assert.Equal(0x8000_1000UL, processor.Linear(SegmentRegister.GS, 0xffff_ffff_0000_1000));
        Assert.Equal(0x7fff_f000UL, processor.Linear(SegmentRegister.GS, 0xffff_f000));
        processor.Unit[SegmentRegister.DS] = processor.Unit[SegmentRegister.DS] with { Limit = 0xfff };
        Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.DS, 0x1000).Reason);
    }

    [Fact]
    public void Base_Canonicality_IsByCapabilityNotByPagingMode()
    {
        const ulong only57 = 0x0080_0000_0000_0000;
        TestProcessor processor = TestProcessor.SixtyFourBit();
        Assert.True(processor.Unit.TryWriteFsBase(only57, out _));
        Assert.Equal(FaultReason.NonCanonical, processor.Access(SegmentRegister.FS, 0).Reason);

        var small = new TestProcessor(ProcessorFeatures.SkylakeServer);
        Assert.False(small.Unit.TryWriteFsBase(only57, out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.NonCanonical, only57), fault);
        Assert.False(small.Unit.TryWriteGsBase(0x8000_0000_0000, out _));
        Assert.False(small.Unit.TryWriteKernelGsBase(0x8000_0000_0000, out _));
        Assert.Equal(0UL, small.Unit[SegmentRegister.FS].Base);
    }

    [Fact]
    public void SwapGs_Twice_IsAsBefore()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        processor.Unit.TryWriteGsBase(0x7f00_0000_1000, out _);
        processor.Unit.TryWriteKernelGsBase(0xffff_8880_0000_0000, out _);
        Assert.True(processor.Unit.TrySwapGs(out _));
        Assert.Equal(0xffff_8880_0000_0010UL, processor.Linear(SegmentRegister.GS, 0x10));
        Assert.Equal(0x7f00_0000_1000UL, processor.Unit.KernelGsBase);
        Assert.True(processor.Unit.TrySwapGs(out _));
        Assert.Equal(0x7f00_0000_1010UL, processor.Linear(SegmentRegister.GS, 0x10));

        processor.Unit.Cpl = 3;
        Assert.False(processor.Unit.TrySwapGs(out MmuFault fault));
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.SegmentPrivilege), fault);
    }

    [Theory]
    [InlineData(Cr3.LamU57Bit, 0x7e00_1234_5678_9abcUL, true)]
    [InlineData(Cr3.LamU57Bit, 0x7e80_1234_5678_9abcUL, false)]
    [InlineData(Cr3.LamU57Bit, 0xfe00_1234_5678_9abcUL, false)]
    [InlineData(Cr3.LamU48Bit, 0x7fff_1234_5678_9abcUL, true)]
    [InlineData(Cr3.LamU48Bit, 0x7fff_9234_5678_9abcUL, false)]
    [InlineData(0UL, 0x7e00_1234_5678_9abcUL, false)]
    public void MaskedAddress_OfUserMemory_LosesItsTag(ulong cr3, ulong address, bool allowed)
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        PagingState state = TestProcessor.LongState(ProcessorFeatures.Everything, cpl: 3, fiveLevel: false);
        state.Cr3 = cr3;
        processor.Unit.Update(state);
        Assert.Equal(!allowed, processor.Access(SegmentRegister.DS, address, 4).IsFault);
        if (allowed) Assert.Equal(0x1234_5678_9abcUL, processor.Linear(SegmentRegister.DS, address, 4));
        Assert.True(processor.Access(SegmentRegister.CS, address, 4, Access.Execute).IsFault);
    }

    [Fact]
    public void MaskedAddress_OfSupervisorMemory_NeedsLamSup()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        const ulong tagged = 0x8abc_8880_0000_1000;
        Assert.True(processor.Access(SegmentRegister.DS, tagged).IsFault);
        PagingState state = TestProcessor.LongState(ProcessorFeatures.Everything, cpl: 0, fiveLevel: false);
        state.Cr4 = state.Cr4.Value | Cr4.LamSupBit;
        processor.Unit.Update(state);
        Assert.Equal(0xffff_8880_0000_1000UL, processor.Linear(SegmentRegister.DS, tagged));
    }

    [Fact]
    public void Compatibility_ToRealMode_DropsWhatLongModeMeant()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        processor.Unit.Update(new PagingState(processor.Unit.Features));
        Assert.Equal((SegmentationMode.Real, 0), (processor.Unit.Mode, processor.Unit.Cpl));
        Assert.Equal(FaultReason.SegmentLimit, processor.Access(SegmentRegister.DS, 0xffff_ffff, 2).Reason);
    }
}
