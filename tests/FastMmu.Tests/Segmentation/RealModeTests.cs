using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class RealModeTests
{
    [Fact]
    public void Reset_FirstInstruction_IsSixteenBytesBelow4GiB()
    {
        var processor = new TestProcessor();
        Assert.Equal((SegmentationMode.Real, 0), (processor.Unit.Mode, processor.Unit.Cpl));
        Assert.Equal(0xffff_fff0UL, processor.Linear(SegmentRegister.CS, 0xfff0, 1, Access.Execute));
        Assert.False(processor.Jump(0xf000, 0xe05b).IsFault);
        Assert.Equal(0xfe05bUL, processor.Linear(SegmentRegister.CS, 0xe05b, 1, Access.Execute));
    }

    [Fact]
    public void Load_InRealMode_IsSixteenTimesTheSelector()
    {
        var processor = new TestProcessor();
        processor.AbsentPage = TestProcessor.GdtBase;
        Assert.False(processor.Load(SegmentRegister.ES, 0xffff).IsFault);
        // Above 1 MiB: the high memory area; the A20 gate is the platform's.
        Assert.Equal(0x10_ffefUL, processor.Linear(SegmentRegister.ES, 0xffff));
        Assert.False(processor.Load(SegmentRegister.ES, 0).IsFault);
        Assert.Equal(0x7c00UL, processor.Linear(SegmentRegister.ES, 0x7c00));
    }

    [Fact]
    public void Code_InRealMode_CanBeWritten()
    {
        var processor = new TestProcessor();
        Assert.Equal(0xffff_0100UL, processor.Linear(SegmentRegister.CS, 0x100, 2, Access.Write));
    }

    [Fact]
    public void ProtectedModeJustEntered_StillFetchesThroughTheOldCs()
    {
        var processor = new TestProcessor();
        processor.Unit[SegmentRegister.CS] = new(0x0800, 0x8000, 0xffff, 0x93);
        processor.Unit.Update(new PagingState(processor.Unit.Features) { Cr0 = Cr0.PeBit });
        Assert.Equal(SegmentationMode.Protected, processor.Unit.Mode);
        Assert.Equal(0x8010UL, processor.Linear(SegmentRegister.CS, 0x10, 5, Access.Execute));
    }

    [Fact]
    public void FarJump_InRealMode_KeepsTheLimitOfCs()
    {
        var processor = new TestProcessor();
        Assert.Equal(MmuFault.GeneralProtection(0, FaultReason.SegmentLimit, 0x1_0000), processor.Jump(0x1000, 0x1_0000));
        Assert.Equal((Selector)0xf000, processor.Unit[SegmentRegister.CS].Selector);
        processor.Unit[SegmentRegister.CS] = processor.Unit[SegmentRegister.CS] with { Limit = uint.MaxValue };
        Assert.False(processor.Jump(0x1000, 0x1_0000).IsFault);
        Assert.Equal(uint.MaxValue, processor.Unit[SegmentRegister.CS].Limit);
    }

    [Fact]
    public void FarReturn_InVirtual8086Mode_IsALoadOfCs()
    {
        TestProcessor processor = TestProcessor.Virtual8086();
        Assert.True(processor.Unit.TryFarReturn(0x2000, 0x100, 0, alwaysLoadsStack: false, out FarTransfer transfer, out _));
        Assert.Equal(0x100UL, transfer.Offset);
        Assert.Equal(new CachedSegment(0x2000, 0x2_0000, 0xffff, 0xf3), processor.Unit[SegmentRegister.CS]);
        Assert.Equal(0x2_0100UL, processor.Linear(SegmentRegister.CS, 0x100, 1, Access.Execute));
        Assert.Equal(0x2_0100UL, processor.Linear(SegmentRegister.CS, 0x100, 1, Access.Write));
    }

    [Fact]
    public void VirtualMode_InLongMode_DoesNotExist()
    {
        TestProcessor processor = TestProcessor.Compatibility(cpl: 3);
        PagingState state = TestProcessor.LongState(processor.Unit.Features, cpl: 3, fiveLevel: false);
        state.RFlags = RFlags.VmBit;
        processor.Unit.Update(state);
        Assert.Equal(SegmentationMode.Compatibility, processor.Unit.Mode);
    }

    [Fact]
    public void CopyFrom_ThenReset_LeavesTheCopyAlone()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3), copy = new();
        processor.Unit.TryWriteFsBase(0x7000, out _);
        processor.Unit.TryWriteKernelGsBase(0x9000, out _);
        copy.Unit.CopyFrom(processor.Unit);
        processor.Unit.Reset();
        Assert.Equal(SegmentationMode.Real, processor.Unit.Mode);
        Assert.Equal((SegmentationMode.SixtyFourBit, 3, 0x9000UL), (copy.Unit.Mode, copy.Unit.Cpl, copy.Unit.KernelGsBase));
        Assert.Equal(0x7008UL, copy.Linear(SegmentRegister.FS, 8));
        Assert.Equal(TestProcessor.GdtBase, copy.Unit.Gdtr.Base);
    }
}
