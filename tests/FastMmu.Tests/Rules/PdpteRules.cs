using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>PAE's four page-directory-pointer-table entries: registers that register writes load, not memory that walks read.</summary>
public sealed class PdpteRules : IDisposable
{
    private const ulong OtherDirectory = 0x8000;
    private readonly TableMachine _machine = new(PagingMode.Pae);

    public PdpteRules()
    {
        // Two directories and two tables that map the same page elsewhere tell which PDPTE was used.
        _machine[1, 7] = 0x1_0000 | Bit.Pwu;
        _machine.SetEntry(OtherDirectory, 0, 0x9000 | Bit.Pwu);
        _machine.SetEntry(0x9000, 7, 0x2_0000 | Bit.Pwu);
    }

    public static TheoryData<ulong, ulong> LoadingWrites => new()
    {
        { Cr0.CdBit, 0 },
        { Cr0.CdBit | Cr0.NwBit, 0 },
        { 0, Cr4.PgeBit },
        { 0, Cr4.PseBit },
        { 0, Cr4.SmepBit },
    };

    public static TheoryData<ulong, ulong> OtherWrites => new()
    {
        { Cr0.WpBit, 0 },
        { Cr0.TsBit | Cr0.MpBit | Cr0.AmBit | Cr0.NeBit, 0 },
        { 0, Cr4.SmapBit },
        { 0, Cr4.PkeBit | Cr4.TsdBit | Cr4.OsFxsrBit },
    };

    /// <summary>Every bit that a present PDPTE must have clear, with 46 bits of physical address.</summary>
    public static TheoryData<int> ReservedBits => [1, 2, 5, 6, 7, 8, 46, 51, 52, 62, 63];

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Rule07_EditOfAPdpteInMemory_IsInvisibleUntilCr3IsWritten()
    {
        _machine.Maps(0x1_0123, 0x7123);
        _machine[3, 0] = OtherDirectory | Bit.P;
        InvalidateOnePage();
        _machine.Maps(0x1_0123, 0x7123);

        // Not even a reserved bit or a missing P is noticed.
        _machine[3, 0] = 0;
        InvalidateOnePage();
        _machine.Maps(0x1_0123, 0x7123);
        _machine[3, 0] = OtherDirectory | Bit.P;
        Assert.Equal(MmuFault.None, _machine.Mmu.WriteCr3(TableMachine.Table(3)));
        _machine.Maps(0x2_0123, 0x7123);
    }

    [Theory]
    [MemberData(nameof(LoadingWrites))]
    public void Rule07_WritesThatTurnTheseBits_LoadThePdptes(ulong cr0, ulong cr4)
    {
        _machine[3, 0] = OtherDirectory | Bit.P;
        Assert.Equal(MmuFault.None, Turn(cr0, cr4));
        InvalidateOnePage();
        _machine.Maps(0x2_0123, 0x7123);
    }

    [Theory]
    [MemberData(nameof(OtherWrites))]
    public void Rule07_OtherRegisterWrites_DoNotLoadThePdptes(ulong cr0, ulong cr4)
    {
        _machine[3, 0] = OtherDirectory | Bit.Pwu;
        Assert.Equal(MmuFault.None, Turn(cr0, cr4));
        InvalidateOnePage();
        _machine.Maps(0x1_0123, 0x7123, Access.Read, Privilege.User);
    }

    [Fact]
    public void Rule07_TurningPagingOn_LoadsThePdptes()
    {
        ulong cr0 = _machine.Mmu.State.Cr0.Value;
        Assert.Equal(MmuFault.None, _machine.Mmu.WriteCr0(cr0 & ~Cr0.PgBit));
        _machine[3, 0] = OtherDirectory | Bit.P;
        Assert.Equal(MmuFault.None, _machine.Mmu.WriteCr0(cr0));
        _machine.Maps(0x2_0123, 0x7123);
    }

    [Theory]
    [MemberData(nameof(ReservedBits))]
    public void Rule07_ReservedBitInAnyOfTheFour_RefusesTheLoadAndChangesNothing(int bit)
    {
        for (int index = 0; index < 4; index++)
        {
            const ulong newRoot = 0xa000;
            _machine.SetEntry(newRoot, 0, OtherDirectory | Bit.P);
            for (int i = 1; i < 4; i++) _machine.SetEntry(newRoot, i, 0);
            _machine.SetEntry(newRoot, index, OtherDirectory | Bit.P | 1UL << bit);
            MmuFault fault = _machine.Mmu.WriteCr3(newRoot);
            Assert.Equal("#GP(0): reserved bit in a PDPTE", fault.ToString());
            Assert.Equal(TableMachine.Table(3), _machine.Mmu.State.Cr3.Value);
            Assert.Equal(TableMachine.OldCr2, _machine.Mmu.Cr2);
            _machine.Maps(0x1_0123, 0x7123);
        }
    }

    [Theory]
    [MemberData(nameof(LoadingWrites))]
    public void Rule07_LoadRefusedAtAnotherRegister_LeavesThatRegisterToo(ulong cr0, ulong cr4)
    {
        PagingState before = _machine.Mmu.State;
        _machine[3, 2] = OtherDirectory | Bit.Pwu;
        Assert.Equal(ExceptionVector.GeneralProtection, Turn(cr0, cr4).Vector);
        Assert.Equal(before.Cr0, _machine.Mmu.State.Cr0);
        Assert.Equal(before.Cr4, _machine.Mmu.State.Cr4);
        _machine.Maps(0x1_0123, 0x7123);
    }

    [Fact]
    public void Rule07_ReservedBitsOfAPdpteThatIsNotPresent_DoNotCount()
    {
        _machine[3, 1] = ~Bit.P;
        Assert.Equal(MmuFault.None, _machine.Mmu.WriteCr3(TableMachine.Table(3)));
        _machine.Maps(0x1_0123, 0x7123);
        Assert.Equal(3, _machine.Faults(Pf.W | Pf.U, 0x4000_0000, Access.Write, Privilege.User).Fault.Level);
    }

    [Fact]
    public void Rule07_PdptBase_Is32ByteAlignedAndBelowFourGigabytes()
    {
        for (int i = 0; i < 4; i++) _machine.SetEntry(0xa3e0, i, OtherDirectory | Bit.P | Bit.Pwt | Bit.Pcd | 0xe00);
        Assert.Equal(MmuFault.None, _machine.Mmu.WriteCr3(0xffff_ffff_0000_a3e0 | 0x18));
        _machine.Maps(0x2_0123, 0x7123);
        _machine.Maps(0x2_0123, 0xc000_7123);
    }

    [Fact]
    public void Rule07_Walks_NeverMarkAPdpte()
    {
        _machine.Maps(0x1_0123, 0x7123, Access.Write, Privilege.User);
        Assert.Equal(TableMachine.Table(2) | Bit.P, _machine[3, 0]);
        Assert.Equal(TableMachine.Table(1) | Bit.Pwu | Bit.A, _machine[2, 0]);
        Assert.Equal(0x1_0000 | Bit.Pwu | Bit.A | Bit.D, _machine[1, 7]);
    }

    [Fact]
    public void Rule07_Pdpte_GivesAndTakesNoRights()
    {
        // R/W, U/S and XD do not exist in it: a user may write and execute below an entry of P alone.
        _machine.Maps(0x1_0123, 0x7123, Access.Write, Privilege.User);
        _machine.Maps(0x1_0123, 0x7123, Access.Execute, Privilege.User);
    }

    [Fact]
    public void Rule07_LongMode_LoadsNoPdptes()
    {
        using var machine = new TableMachine();
        machine[4, 0] |= 1UL << 50;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4)));
        machine.Faults(Pf.P | Pf.Rsvd, 0x7123);
    }

    [Fact]
    public void Rule07_PdptesReadOnDemand_FollowMemoryAndFaultAsPages()
    {
        using var machine = new TableMachine(PagingMode.Pae, TableMachine.Features46 with { PdptesReadOnDemand = true });
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetEntry(OtherDirectory, 0, 0x9000 | Bit.Pwu);
        machine.SetEntry(0x9000, 7, 0x2_0000 | Bit.Pwu);
        machine.Maps(0x1_0123, 0x7123);
        machine[3, 0] = OtherDirectory | Bit.P;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(3)));
        machine.Maps(0x2_0123, 0x7123, Access.Write);
        Assert.Equal(OtherDirectory | Bit.P, machine[3, 0]);

        // A bad entry does not refuse the write of CR3; the access that uses it faults, and only that.
        machine[3, 1] = OtherDirectory | Bit.Pwu;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(3)));
        machine.Maps(0x2_0123, 0x7123);
        Assert.Equal(3, machine.Faults(Pf.P | Pf.Rsvd | Pf.W, 0x4000_7123, Access.Write).Fault.Level);
        machine.Faults(0, 0x8000_7123);
    }

    private MmuFault Turn(ulong cr0, ulong cr4) => cr0 != 0
        ? _machine.Mmu.WriteCr0(_machine.Mmu.State.Cr0.Value ^ cr0)
        : _machine.Mmu.WriteCr4(_machine.Mmu.State.Cr4.Value ^ cr4);

    // Drops what may be cached of the page, as a register write that keeps the PDPTEs does not.
    private void InvalidateOnePage() => _machine.Mmu.InvalidatePage(0x7123UL);
}
