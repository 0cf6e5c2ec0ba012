using System.Runtime.CompilerServices;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Processor;

public sealed class MmuFaultTests
{
    [Fact]
    public void MmuFault_InMemory_HasSixteenBytes() => Assert.Equal(16, Unsafe.SizeOf<MmuFault>());

    [Fact]
    public void None_IsTheDefaultAndNoFault()
    {
        Assert.Equal(default, MmuFault.None);
        Assert.False(MmuFault.None.IsFault);
        Assert.Equal("none", MmuFault.None.ToString());
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0x01, "P")]
    [InlineData(0x07, "P|W|U")]
    [InlineData(0x09, "P|RSVD")]
    [InlineData(0x15, "P|U|I")]
    [InlineData(0x27, "P|W|U|PK")]
    [InlineData(0x47, "P|W|U|SS")]
    [InlineData(0x7f, "P|W|U|RSVD|I|PK|SS")]
    public void PageFault_AsText_SpellsItsErrorCode(int error, string letters)
    {
        MmuFault fault = MmuFault.PageFault((PageFaultError)error, 0x7f00_0000_1234, FaultReason.NotPresent, 2);
        Assert.Equal($"#PF({letters}) at 0x7f0000001234: not present at level 2", fault.ToString());
        Assert.Equal(error, fault.ErrorCode);
        Assert.Equal(0x7f00_0000_1234UL, fault.Address);
        Assert.Equal(2, fault.Level);
    }

    [Theory]
    [InlineData(ExceptionVector.GeneralProtection, 0, FaultReason.NonCanonical, "#GP(0): non-canonical address")]
    [InlineData(ExceptionVector.GeneralProtection, 0x18, FaultReason.SegmentPrivilege, "#GP(0x18): segment privilege")]
    [InlineData(ExceptionVector.StackFault, 0, FaultReason.SegmentLimit, "#SS(0): outside the segment limit")]
    [InlineData(ExceptionVector.SegmentNotPresent, 0x28, FaultReason.SegmentNotPresent, "#NP(0x28): segment not present")]
    [InlineData(ExceptionVector.InvalidTss, 0x30, FaultReason.SegmentType, "#TS(0x30): segment type")]
    [InlineData(ExceptionVector.AlignmentCheck, 0, FaultReason.Misaligned, "#AC(0): misaligned access")]
    public void OtherFaults_AsText_NameVectorCodeAndReason(ExceptionVector vector, int error, FaultReason reason, string text) =>
        Assert.Equal(text, new MmuFault(vector, (ushort)error, 0, reason).ToString());

    [Fact]
    public void EveryReason_AsText_SaysSomethingOfItsOwn()
    {
        FaultReason[] reasons = [.. Enum.GetValues<FaultReason>().Where(reason => reason != FaultReason.None)];
        string[] texts = [.. reasons.Select(reason => MmuFault.GeneralProtection(0, reason).ToString())];
        Assert.Equal(texts.Length, texts.Distinct().Count());
        Assert.DoesNotContain(texts, text => text.Contains("no reason", StringComparison.Ordinal));
    }

    [Fact]
    public void Equality_LooksAtEveryField()
    {
        MmuFault fault = MmuFault.PageFault(PageFaultError.Present, 0x1000, FaultReason.ReservedBit, 1);
        Assert.Equal(fault, MmuFault.PageFault(PageFaultError.Present, 0x1000, FaultReason.ReservedBit, 1));
        Assert.NotEqual(fault, MmuFault.PageFault(PageFaultError.Write, 0x1000, FaultReason.ReservedBit, 1));
        Assert.NotEqual(fault, MmuFault.PageFault(PageFaultError.Present, 0x1001, FaultReason.ReservedBit, 1));
        Assert.NotEqual(fault, MmuFault.PageFault(PageFaultError.Present, 0x1000, FaultReason.NotPresent, 1));
        Assert.NotEqual(fault, MmuFault.PageFault(PageFaultError.Present, 0x1000, FaultReason.ReservedBit, 2));
        Assert.NotEqual(fault, MmuFault.GeneralProtection(1, FaultReason.ReservedBit, 0x1000));
    }
}
