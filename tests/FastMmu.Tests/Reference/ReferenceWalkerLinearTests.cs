using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;

namespace FastMmu.Tests.Reference;

/// <summary>What is decided before paging: canonical addresses, LAM, LASS.</summary>
public class ReferenceWalkerLinearTests
{
    [Theory]
    [InlineData(PagingMode.FourLevel, 0x0000_7fff_ffff_ffff, true)]
    [InlineData(PagingMode.FourLevel, 0x0000_8000_0000_0000, false)]
    [InlineData(PagingMode.FourLevel, 0xffff_7fff_ffff_ffff, false)]
    [InlineData(PagingMode.FourLevel, 0xffff_8000_0000_0000, true)]
    [InlineData(PagingMode.FourLevel, 0x7fff_8000_0000_0000, false)]
    [InlineData(PagingMode.FiveLevel, 0x0000_8000_0000_0000, true)]
    [InlineData(PagingMode.FiveLevel, 0x00ff_ffff_ffff_ffff, true)]
    [InlineData(PagingMode.FiveLevel, 0x0100_0000_0000_0000, false)]
    [InlineData(PagingMode.FiveLevel, 0xff00_0000_0000_0000, true)]
    [InlineData(PagingMode.FiveLevel, 0xfeff_ffff_ffff_ffff, false)]
    public void Canonical_WidthOfTheMode_Decides(PagingMode mode, ulong linear, bool canonical)
    {
        var tables = new TableFixture(mode);
        foreach (Access access in Enum.GetValues<Access>())
        {
            ReferenceFault? fault = tables.Probe(linear, access, Privilege.Supervisor).Fault;
            Assert.Equal(!canonical, fault?.Reason == FaultReason.NonCanonical);
            if (canonical) continue;
            Assert.Equal((ExceptionVector.GeneralProtection, 0, null), (fault!.Vector, fault.ErrorCode, fault.Cr2));
            Assert.Equal(ExceptionVector.StackFault, tables.Probe(linear, access, Privilege.User, throughStack: true).Fault?.Vector);
        }
    }

    private const ulong U48 = 1UL << 62;
    private const ulong U57 = 1UL << 61;

    // LA57, CR3 bits, LAM_SUP, address, what is translated (0: #GP)
    [Theory]
    [InlineData(false, 0, false, 0x7f12_3456_7890_1000, 0)]
    [InlineData(false, U48, false, 0x7f12_3456_7890_1000, 0x0000_3456_7890_1000)]
    [InlineData(false, U48, false, 0x7f12_b456_7890_1000, 0)] // bit 47 must be as bit 63
    [InlineData(false, U57, false, 0x7e00_3456_7890_1000, 0x0000_3456_7890_1000)]
    [InlineData(false, U57, false, 0x7e01_3456_7890_1000, 0)] // 56:47 are no metadata
    [InlineData(false, U57, false, 0x0100_3456_7890_1000, 0)]
    [InlineData(false, U48 | U57, false, 0x7e01_3456_7890_1000, 0)] // U57 wins
    [InlineData(true, U57, false, 0x7e12_3456_7890_1000, 0x0012_3456_7890_1000)]
    [InlineData(true, U57, false, 0x7f12_3456_7890_1000, 0)] // bit 56 must be as bit 63
    [InlineData(true, U48, false, 0x7f12_3456_7890_1000, 0x0000_3456_7890_1000)] // five levels, 48 bits used
    [InlineData(true, U48, false, 0x7f00_8456_7890_1000, 0)] // bit 47 must be as bit 63, although it is an address bit
    [InlineData(false, U48 | U57, false, 0x8012_b456_7890_1000, 0)] // not a user pointer
    [InlineData(false, 0, true, 0x8012_b456_7890_1000, 0xffff_b456_7890_1000)]
    [InlineData(false, 0, true, 0x8012_3456_7890_1000, 0)]
    [InlineData(false, 0, true, 0x7f12_3456_7890_1000, 0)] // not a supervisor pointer
    [InlineData(true, 0, true, 0x8112_3456_7890_1000, 0xff12_3456_7890_1000)]
    [InlineData(true, 0, true, 0x8012_3456_7890_1000, 0)]
    public void Lam_MetadataOfDataAddresses_IsReplacedByTheSign(bool la57, ulong cr3, bool supervisor, ulong linear, ulong translated)
    {
        var tables = new TableFixture(la57 ? PagingMode.FiveLevel : PagingMode.FourLevel);
        tables.State.Cr3 = cr3; // no tables there: every translation ends in #PF with the address in CR2
        tables.State.Cr4 = tables.State.Cr4.Value | (supervisor ? Cr4.LamSupBit : 0);

        // Whose pointer it is depends on bit 63, not on who uses it.
        foreach (Privilege privilege in Enum.GetValues<Privilege>())
        {
            ReferenceFault? fault = tables.Probe(linear, Access.Read, privilege).Fault;
            Assert.Equal(translated == 0 ? null : translated, fault?.Cr2);
            Assert.Equal(translated == 0 ? ExceptionVector.GeneralProtection : ExceptionVector.PageFault, fault?.Vector);
            Assert.Equal(ExceptionVector.GeneralProtection, tables.Probe(linear, Access.Execute, privilege).Fault?.Vector);
        }
    }

    private const ulong Low = 0x0000_1000_0000_0000;
    private const ulong High = 0xffff_8000_0000_0000;

    // address, access, privilege, SMAP, AC, whether LASS refuses
    [Theory]
    [InlineData(High, Access.Read, Privilege.User, false, false, true)]
    [InlineData(High, Access.Execute, Privilege.User, false, true, true)]
    [InlineData(Low, Access.Write, Privilege.User, true, false, false)]
    [InlineData(Low, Access.Execute, Privilege.Supervisor, false, true, true)]
    [InlineData(High, Access.Execute, Privilege.Supervisor, true, false, false)]
    [InlineData(Low, Access.Read, Privilege.Supervisor, false, false, false)]
    [InlineData(Low, Access.Read, Privilege.Supervisor, true, false, true)]
    [InlineData(Low, Access.Write, Privilege.Supervisor, true, true, false)]
    [InlineData(Low, Access.Read, Privilege.ImplicitSupervisor, true, true, true)]
    [InlineData(Low, Access.Read, Privilege.ImplicitSupervisor, false, false, false)]
    [InlineData(High, Access.Write, Privilege.ImplicitSupervisor, true, false, false)]
    public void Lass_AccessToTheOtherHalf_IsRefusedBeforePaging(ulong linear, Access access, Privilege privilege, bool smap, bool ac, bool refused)
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr4 = tables.State.Cr4.Value | (smap ? Cr4.SmapBit : 0);
        tables.State.RFlags = ac ? RFlags.AcBit : 0;
        Assert.Equal(ExceptionVector.PageFault, tables.Probe(linear, access, privilege).Fault?.Vector);

        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.LassBit;
        ReferenceFault? fault = tables.Probe(linear, access, privilege).Fault;
        Assert.Equal(refused ? ExceptionVector.GeneralProtection : ExceptionVector.PageFault, fault?.Vector);
        Assert.Equal(refused, fault?.Cr2 is null);
        if (refused) Assert.Equal(ExceptionVector.StackFault, tables.Probe(linear, access, privilege, throughStack: true).Fault?.Vector);
    }

    [Fact]
    public void Lass_OutsideLongMode_HasNoEffect()
    {
        var tables = new TableFixture(PagingMode.Pae);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.LassBit | Cr4.SmapBit;
        Assert.True(tables.Probe(Access.Execute, Privilege.Supervisor).Ok);
    }
}
