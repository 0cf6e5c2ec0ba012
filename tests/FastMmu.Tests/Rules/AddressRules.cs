using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>What happens to a linear address before paging: truncation, canonical form, LASS, LAM.</summary>
public sealed class AddressRules
{
    private const ExceptionVector Gp = ExceptionVector.GeneralProtection;
    private const ExceptionVector Ss = ExceptionVector.StackFault;

    [Theory]
    [InlineData(PagingMode.FourLevel, 0x0000_8000_0000_0000)]
    [InlineData(PagingMode.FourLevel, 0xffff_7fff_ffff_ffff)]
    [InlineData(PagingMode.FourLevel, 0x8000_0000_0000_0000)]
    [InlineData(PagingMode.FourLevel, 0x0100_0000_0000_7000)]
    [InlineData(PagingMode.FiveLevel, 0x0100_0000_0000_0000)]
    [InlineData(PagingMode.FiveLevel, 0xfeff_ffff_ffff_ffff)]
    [InlineData(PagingMode.FiveLevel, 0x7fff_ffff_ffff_ffff)]
    public void Rule02_NonCanonicalAddress_IsGeneralProtectionAndKeepsCr2(PagingMode mode, ulong linear)
    {
        using var machine = new TableMachine(mode);
        foreach (Access access in (Access[])[Access.Read, Access.Write, Access.Execute])
        {
            machine.Refuses(Gp, linear, access);
            machine.Refuses(Gp, linear, access, Privilege.User);
        }

        Assert.False(machine.Mmu.TryRead(linear, out int _, out MmuFault read));
        Assert.False(machine.Mmu.TryWrite(linear, 1, out MmuFault write));
        Assert.False(machine.Mmu.TryReadForUpdate(linear, out byte _, out MmuFault update));
        Assert.Equal(0, machine.Mmu.Fetch(linear, new byte[15], out MmuFault fetch));
        machine.Mmu.RaiseFetchFault(fetch);
        Assert.All([read, write, update, fetch], fault => Assert.Equal(Gp, fault.Vector));
        Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 0x0000_8000_0000_0000)]
    [InlineData(PagingMode.FiveLevel, 0x0100_0000_0000_0000)]
    public void Rule02_NonCanonicalAddressThroughTheStack_IsStackFaultAndKeepsCr2(PagingMode mode, ulong linear)
    {
        using var machine = new TableMachine(mode);
        machine.Refuses(Ss, linear, stack: true);
        machine.Refuses(Ss, linear, Access.Write, Privilege.User, stack: true);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 0x0000_7fff_ffff_ffff)]
    [InlineData(PagingMode.FourLevel, 0xffff_8000_0000_0000)]
    [InlineData(PagingMode.FiveLevel, 0x0000_8000_0000_0000)]
    [InlineData(PagingMode.FiveLevel, 0x00ff_ffff_ffff_ffff)]
    [InlineData(PagingMode.FiveLevel, 0xff00_0000_0000_0000)]
    public void Rule02_CanonicalAddressAtTheEdge_ReachesPaging(PagingMode mode, ulong linear)
    {
        using var machine = new TableMachine(mode);
        machine.Faults(0, linear);
    }

    [Fact]
    public void Rule02_AccessThatRunsOverTheCanonicalEdge_KeepsCr2()
    {
        using var machine = new TableMachine();
        Assert.False(machine.Mmu.TryRead(0x0000_7fff_ffff_fffcUL, out ulong _, out MmuFault fault));
        Assert.Equal(Gp, fault.Vector);
        Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
    }

    [Fact]
    public void Rule02_NonCanonicalLogicalAddress_IsStackFaultThroughSsAndGeneralProtectionElsewhere()
    {
        using var machine = new TableMachine();
        EnterSixtyFourBitMode(machine);
        const ulong offset = 0x0000_8000_0000_0000;
        Assert.False(machine.Mmu.TryRead(SegmentRegister.SS, offset, out int _, out MmuFault read));
        Assert.False(machine.Mmu.TryWrite(SegmentRegister.SS, offset, 1, out MmuFault write));
        Assert.False(machine.Mmu.TryRead(SegmentRegister.DS, offset, out int _, out MmuFault data));
        Assert.False(machine.Mmu.TryRead(SegmentRegister.GS, offset, out int _, out MmuFault gs));
        Assert.Equal((Ss, 0), (read.Vector, read.ErrorCode));
        Assert.Equal((Ss, 0), (write.Vector, write.ErrorCode));
        Assert.Equal((Gp, 0), (data.Vector, data.ErrorCode));
        Assert.Equal((Gp, 0), (gs.Vector, gs.ErrorCode));
        Assert.Equal(0, machine.Mmu.FetchCode(offset, new byte[4], out MmuFault fetch));
        Assert.Equal(Gp, fetch.Vector);
        Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule15_SegmentBasePlusOffset_IsTruncatedTo32Bits(PagingMode mode)
    {
        // In long mode this is compatibility mode, where CS.L=0.
        using var machine = new TableMachine(mode);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Memory.Write(0x1_0123, 0x1234_5678);
        machine.Mmu.Segments[SegmentRegister.DS] = FlatData(0xffff_f000);
        Assert.True(machine.Mmu.TryRead(SegmentRegister.DS, 0x8123, out int value, out MmuFault fault), fault.ToString());
        Assert.Equal(0x1234_5678, value);
        Assert.Equal(0x1_0123UL, machine.Mmu.Translate(new LogicalAddress(SegmentRegister.DS, 0x8123)).Physical.Value);
        Assert.False(machine.Mmu.TryRead(SegmentRegister.DS, 0x9123, out int _, out fault));
        Assert.Equal(0x8123UL, fault.Address);
        Assert.Equal(0x8123UL, machine.Mmu.Cr2);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule15_SecondHalfOfASegmentedAccessAtFourGigabytes_WrapsToZero(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        int last = mode == PagingMode.TwoLevel ? 1023 : 511;
        if (mode != PagingMode.TwoLevel) machine[3, 3] = TableMachine.Table(2) | (mode == PagingMode.Pae ? Bit.P : Bit.Pwu);
        if (mode == PagingMode.Pae) Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(3)));
        machine[2, last] = TableMachine.Table(1) | Bit.Pwu;
        machine[1, last] = 0x1_0000 | Bit.Pwu;
        machine[1, 0] = 0x2_0000 | Bit.Pwu;
        machine.Mmu.Segments[SegmentRegister.DS] = FlatData(0xffff_f000);
        Assert.True(machine.Mmu.TryWrite(SegmentRegister.DS, 0xffe, 0x4433_2211u, out MmuFault fault), fault.ToString());
        Assert.Equal(0x2211, machine.Memory.Read<ushort>(0x1_0ffe));
        Assert.Equal(0x4433, machine.Memory.Read<ushort>(0x2_0000));
        Assert.True(machine.Mmu.TryRead(SegmentRegister.DS, 0xffe, out uint back, out fault), fault.ToString());
        Assert.Equal(0x4433_2211u, back);

        byte[] bytes = [1, 2, 3, 4];
        Assert.True(machine.Mmu.TryWrite(SegmentRegister.DS, 0xffd, bytes, out fault), fault.ToString());
        Assert.True(machine.Mmu.TryRead(SegmentRegister.DS, 0xffd, bytes, out fault), fault.ToString());
        Assert.Equal([1, 2, 3, 4], bytes);
        Assert.Equal(4, machine.Memory.Read<byte>(0x2_0000));
        Assert.True(machine.Mmu.TryReadForUpdate(SegmentRegister.DS, 0xffd, out uint update, out fault), fault.ToString());
        Assert.Equal(0x0403_0201u, update);
        machine.Mmu.Segments[SegmentRegister.CS] = CachedSegment.FromUpperDoubleword(0x10, 0xffff_f000, 0xffff_ffff, 0x00cf_9b00);
        Assert.Equal(4, machine.Mmu.FetchCode(0xffd, bytes, out fault));
        Assert.Equal([1, 2, 3, 4], bytes);

        // What refuses lies at 0.
        machine[1, 0] = 0x2_0000 | Bit.P | (mode == PagingMode.TwoLevel ? 0 : Bit.Xd);
        machine.Mmu.InvalidateAll();
        Assert.False(machine.Mmu.TryWrite(SegmentRegister.DS, 0xffe, 0u, out fault));
        Assert.Equal((0UL, Pf.P | Pf.W), (fault.Address, fault.ErrorCode));
        if (mode == PagingMode.TwoLevel) return;
        Assert.Equal(3, machine.Mmu.FetchCode(0xffd, bytes, out fault));
        Assert.Equal((0UL, Pf.P | Pf.I), (fault.Address, fault.ErrorCode));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void Rule15_LinearAddressOutsideLongMode_IsTruncatedTo32Bits(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(0x1_0123UL, machine.Ask(0xffff_ffff_0000_7123).Physical.Value);
        Assert.Equal(0x1_0123UL, machine.Ask(0x0000_0001_0000_7123, Access.Write).Physical.Value);

        // The address of a fault is the truncated one.
        Assert.Equal(0x8123UL, machine.Mmu.Translate(0x1_0000_8123UL, Access.Read, Privilege.User).Fault.Address);
        Assert.Equal(0x8123UL, machine.Mmu.Cr2);
    }

    [Fact]
    public void Rule15_LinearAddressWithoutPaging_IsTruncatedTo32Bits()
    {
        using var machine = new TableMachine(PagingMode.None);
        Assert.Equal(0x1234UL, machine.Ask(0x5_0000_1234).Physical.Value);
    }

    [Theory]
    [InlineData(PagingMode.None)]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void Rule15_SecondHalfOfAnAccessAtFourGigabytes_WrapsToZero(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        int last = mode == PagingMode.Pae ? 511 : 1023;
        if (mode == PagingMode.Pae)
        {
            machine[3, 3] = TableMachine.Table(2) | Bit.P;
            Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(3)));
        }

        if (mode != PagingMode.None)
        {
            machine[2, last] = TableMachine.Table(1) | Bit.Pwu;
            machine[1, last] = 0x1_0000 | Bit.Pwu;
            machine[1, 0] = 0x2_0000 | Bit.Pwu;
            Assert.True(machine.Mmu.TryWrite(0xffff_fffeUL, 0x4433_2211u, out _));
            Assert.Equal(0x2211, machine.Memory.Read<ushort>(0x1_0ffe));
            Assert.Equal(0x4433, machine.Memory.Read<ushort>(0x2_0000));
            Assert.True(machine.Mmu.TryRead(0xffff_fffeUL, out uint back, out _));
            Assert.Equal(0x4433_2211u, back);

            // And its fault is at address 0, not at 2^32.
            machine[1, 0] = 0;
            Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(mode == PagingMode.Pae ? 3 : 2)));
            Assert.False(machine.Mmu.TryWrite(0xffff_fffeUL, 0u, out MmuFault fault));
            Assert.Equal(0UL, fault.Address);
            Assert.Equal(0UL, machine.Mmu.Cr2);
            return;
        }

        machine.Memory.Write<ushort>(0, 0x4433);
        Assert.True(machine.Mmu.TryRead(0xffff_fffeUL, out uint value, out _));
        Assert.Equal(0x4433_ffffu, value);
    }

    [Theory]
    [InlineData(Privilege.User, 0xffff_8000_0000_7123, Access.Read)]
    [InlineData(Privilege.User, 0xffff_8000_0000_7123, Access.Write)]
    [InlineData(Privilege.User, 0xffff_8000_0000_7123, Access.Execute)]
    [InlineData(Privilege.Supervisor, 0x0000_0000_0000_7123, Access.Execute)]
    [InlineData(Privilege.Supervisor, 0x0000_0000_0000_7123, Access.Read)]
    [InlineData(Privilege.Supervisor, 0x0000_0000_0000_7123, Access.Write)]
    [InlineData(Privilege.ImplicitSupervisor, 0x0000_0000_0000_7123, Access.Read)]
    public void Rule23_LassViolation_IsGeneralProtectionBeforePaging(Privilege privilege, ulong linear, Access access)
    {
        using var machine = new TableMachine();
        machine.SetCr4(Cr4.LassBit | Cr4.SmapBit);

        // Nothing is mapped, and yet no page fault: the tables are not looked at, and no accessed bit is set in them.
        Translation refused = machine.Refuses(Gp, linear, access, privilege);
        Assert.Equal(FaultReason.LinearAddressSpaceSeparation, refused.Fault.Reason);
        machine.Refuses(Ss, linear, access, privilege, stack: true);
        Assert.Equal(TableMachine.Table(3) | Bit.Pwu, machine[4, 0]);
    }

    [Fact]
    public void Rule23_LassWithinOnesOwnHalf_ChangesNothing()
    {
        using var machine = new TableMachine();
        machine[4, 256] = TableMachine.Table(3) | Bit.Pwu;
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pw;
        machine.SetCr4(Cr4.LassBit | Cr4.SmapBit | Cr4.SmepBit);
        foreach (Access access in (Access[])[Access.Read, Access.Write, Access.Execute])
        {
            machine.Maps(0x1_0123, 0x7123, access, Privilege.User);
            machine.Maps(0x2_0123, 0xffff_8000_0000_8123, access);
        }
    }

    [Fact]
    public void Rule23_LassForSupervisorData_FollowsSmapAndAc()
    {
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetCr4(Cr4.LassBit);

        // Without SMAP data is free, fetches are not.
        machine.Maps(0x1_0123, 0x7123);
        machine.Refuses(Gp, 0x7123, Access.Execute);

        // AC exempts explicit data accesses, and neither implicit ones nor fetches.
        machine.SetCr4(Cr4.SmapBit);
        machine.Refuses(Gp, 0x7123);
        machine.Mmu.SetRFlags(RFlags.AcBit);
        machine.Maps(0x1_0123, 0x7123);
        machine.Maps(0x1_0123, 0x7123, Access.Write);
        machine.Refuses(Gp, 0x7123, Access.Read, Privilege.ImplicitSupervisor);
        machine.Refuses(Gp, 0x7123, Access.Execute);

        // A user's AC opens nothing.
        machine.Mmu.SetCpl(3);
        machine.Refuses(Gp, 0xffff_8000_0000_7123, Access.Read, Privilege.User);
        machine.Refuses(Gp, 0x7123, Access.Read, Privilege.ImplicitSupervisor);
    }

    [Fact]
    public void Rule23_Lass_ExistsOnlyInLongMode()
    {
        using var machine = new TableMachine(PagingMode.Pae);
        machine[1, 7] = 0x1_0000 | Bit.Pw;
        machine.SetCr4(Cr4.LassBit | Cr4.SmapBit);
        machine.Maps(0x1_0123, 0x7123, Access.Execute);
        machine.Maps(0x1_0123, 0x7123, Access.Write);
    }

    /// <summary>A tagged user address, what the masks make of it, or zero where it must be refused.</summary>
    [Theory]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0x7e00_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0x0200_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0x0100_0000_0000_7123, 0)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0x0001_0000_0000_7123, 0)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0x7e00_8000_0000_7123, 0)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU48Bit, 0x7fff_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU48Bit, 0x0001_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU48Bit, 0x7fff_8000_0000_7123, 0)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU48Bit | Cr3.LamU57Bit, 0x0001_0000_0000_7123, 0)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU48Bit | Cr3.LamU57Bit, 0x7e00_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FourLevel, Cr3.LamU57Bit, 0xfe00_0000_0000_7123, 0)]
    [InlineData(PagingMode.FiveLevel, Cr3.LamU57Bit, 0x7e00_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FiveLevel, Cr3.LamU48Bit, 0x7fff_0000_0000_7123, 0x7123)]
    [InlineData(PagingMode.FiveLevel, 0, 0x7e00_0000_0000_7123, 0)]
    public void Rule24_LamOfUserAddresses_MasksWithinBit63(PagingMode mode, ulong lam, ulong tagged, ulong linear)
    {
        using var machine = new TableMachine(mode);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(machine.TopLevel) | lam));
        foreach (Access access in (Access[])[Access.Read, Access.Write])
        {
            // The half is bit 63's choice, not the privilege's.
            foreach (Privilege privilege in (Privilege[])[Privilege.User, Privilege.Supervisor])
            {
                if (linear == 0) machine.Refuses(Gp, tagged, access, privilege);
                else machine.Maps(0x1_0000 | (linear & 0xfff), tagged, access, privilege);
            }
        }
    }

    [Fact]
    public void Rule24_LamOfSupervisorAddresses_HasTheWidthOfTheMode()
    {
        foreach (PagingMode mode in (PagingMode[])[PagingMode.FourLevel, PagingMode.FiveLevel])
        {
            using var machine = new TableMachine(mode);
            machine[machine.TopLevel, 256] = TableMachine.Table(machine.TopLevel - 1) | Bit.Pwu;
            if (mode == PagingMode.FiveLevel) machine[5, 511] = TableMachine.Table(4) | Bit.Pwu;
            machine[4, 256] = TableMachine.Table(3) | Bit.Pwu;
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine.SetCr4(Cr4.LamSupBit);

            machine.Maps(0x1_0123, 0xffff_8000_0000_7123);
            if (mode == PagingMode.FourLevel)
            {
                machine.Maps(0x1_0123, 0x8000_8000_0000_7123);
                machine.Refuses(Gp, 0xffff_0000_0000_7123);
            }
            else
            {
                machine.Maps(0x1_0123, 0x81ff_8000_0000_7123);
                machine.Maps(0x1_0123, 0xff00_0000_0000_7123);
                machine.Refuses(Gp, 0xfe00_0000_0000_7123);
            }

            // Bit 63 clear is the user's half, for which no mask is on.
            machine.Refuses(Gp, 0x7e00_0000_0000_7123);
        }
    }

    [Fact]
    public void Rule24_Fetches_AreNotMasked()
    {
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU48Bit));
        machine.Refuses(Gp, 0x7fff_0000_0000_7123, Access.Execute, Privilege.User);
        machine.Maps(0x1_0123, 0x7123, Access.Execute, Privilege.User);
    }

    [Fact]
    public void Rule24_PageFaultOfATaggedAddress_ReportsItWithoutTheTag()
    {
        using var machine = new TableMachine();
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU57Bit));
        Translation answer = machine.Ask(0x7e00_0000_0000_7123, Access.Read, Privilege.User);
        Assert.Equal(ExceptionVector.PageFault, answer.Fault.Vector);
        Assert.Equal(0x7123UL, machine.Mmu.Cr2);
    }

    [Fact]
    public void Rule24_Lass_JudgesTheHalfThatBit63Names()
    {
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetCr4(Cr4.LassBit | Cr4.SmapBit);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU57Bit));
        machine.Maps(0x1_0123, 0x7e00_0000_0000_7123, Access.Read, Privilege.User);
        machine.Refuses(Gp, 0x7e00_0000_0000_7123);
        machine.Refuses(Gp, 0xfe00_0000_0000_7123, Access.Read, Privilege.User);
    }

    [Fact]
    public void Rule24_TaggedAccessAcrossPages_UsesBothMaskedPages()
    {
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pwu;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU57Bit));
        Assert.True(machine.Mmu.TryWrite(0x5400_0000_0000_7ffeUL, 0x4433_2211u, out _));
        Assert.Equal(0x2211, machine.Memory.Read<ushort>(0x1_0ffe));
        Assert.Equal(0x4433, machine.Memory.Read<ushort>(0x2_0000));
    }

    [Fact]
    public void Rule35_TogglingLa57InLongMode_IsGeneralProtectionAndChangesNothing()
    {
        foreach (PagingMode mode in (PagingMode[])[PagingMode.FourLevel, PagingMode.FiveLevel])
        {
            using var machine = new TableMachine(mode);
            ulong cr4 = machine.Mmu.State.Cr4.Value;
            Assert.Equal(Gp, machine.Mmu.WriteCr4(cr4 ^ Cr4.La57Bit).Vector);
            Assert.Equal(cr4, machine.Mmu.State.Cr4.Value);
            Assert.Equal(mode, machine.Mmu.Mode);
        }
    }

    [Fact]
    public void Rule35_TogglingLa57OutsideLongMode_IsAllowed()
    {
        using var machine = new TableMachine(PagingMode.Pae);
        machine.SetCr4(Cr4.La57Bit);
        Assert.Equal(PagingMode.Pae, machine.Mmu.Mode);
        machine.ClearCr4(Cr4.La57Bit);
    }

    [Theory]
    [InlineData(false, PagingMode.FourLevel)]
    [InlineData(true, PagingMode.FourLevel)]
    [InlineData(true, PagingMode.FiveLevel)]
    public void Rule35_BasesAndInvpcid_AreCanonicalByTheProcessorNotByCr4(bool la57, PagingMode mode)
    {
        using var machine = new TableMachine(mode, TableMachine.Features46 with { La57 = la57 });
        EnterSixtyFourBitMode(machine);
        SegmentationUnit segments = machine.Mmu.Segments;

        // Canonical in 48 bits; in 57 only; in neither.
        Check(0xffff_aaaa_aaaa_aaaa, true);
        Check(0xffaa_aaaa_aaaa_aaaa, la57);
        Check(0xaaaa_aaaa_aaaa_aaaa, false);

        void Check(ulong value, bool accepted)
        {
            Assert.Equal(accepted, segments.TryWriteFsBase(value, out MmuFault fs));
            Assert.Equal(accepted, segments.TryWriteGsBase(value, out MmuFault gs));
            Assert.Equal(accepted, segments.TryWriteKernelGsBase(value, out MmuFault kernel));
            Assert.Equal(accepted, segments.TryLoadGdtr(new(value, 0xff), out MmuFault gdtr));
            MmuFault invpcid = machine.Mmu.InvalidatePcid(0, 0, value);
            Assert.All([fs, gs, kernel, gdtr, invpcid], fault => Assert.Equal(accepted ? ExceptionVector.None : Gp, fault.Vector));
            if (accepted) Assert.Equal(value, segments[SegmentRegister.FS].Base);
        }
    }

    [Fact]
    public void Rule35_BaseThatOnlyFiveLevelsReach_FaultsWhenItIsUsed()
    {
        using var machine = new TableMachine();
        EnterSixtyFourBitMode(machine);
        Assert.True(machine.Mmu.Segments.TryWriteFsBase(0xffaa_aaaa_aaaa_aaaa, out _));
        Assert.False(machine.Mmu.TryRead(SegmentRegister.FS, 0, out int _, out MmuFault fault));
        Assert.Equal(Gp, fault.Vector);
    }

    private static void EnterSixtyFourBitMode(TableMachine machine) =>
        machine.Mmu.Segments[SegmentRegister.CS] = CachedSegment.FromUpperDoubleword(0x10, 0, 0xffff_ffff, 0x00af_9b00);

    private static CachedSegment FlatData(ulong segmentBase) => CachedSegment.FromUpperDoubleword(0x18, segmentBase, 0xffff_ffff, 0x00cf_9300);
}
