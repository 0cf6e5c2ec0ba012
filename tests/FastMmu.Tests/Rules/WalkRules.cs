using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Rules;

/// <summary>Indices, frames, memory types, tables where no memory is, probes, and which registers choose the mode.</summary>
public sealed class WalkRules
{
    /// <summary>Mode, SMEP, NXE, and whether the error code of a fetch says so.</summary>
    [Theory]
    [InlineData(PagingMode.TwoLevel, false, false, false)]
    [InlineData(PagingMode.TwoLevel, false, true, false)]
    [InlineData(PagingMode.TwoLevel, true, false, true)]
    [InlineData(PagingMode.TwoLevel, true, true, true)]
    [InlineData(PagingMode.Pae, false, false, false)]
    [InlineData(PagingMode.Pae, false, true, true)]
    [InlineData(PagingMode.Pae, true, false, true)]
    [InlineData(PagingMode.FourLevel, false, false, false)]
    [InlineData(PagingMode.FourLevel, false, true, true)]
    [InlineData(PagingMode.FourLevel, true, false, true)]
    [InlineData(PagingMode.FiveLevel, false, false, false)]
    [InlineData(PagingMode.FiveLevel, true, true, true)]
    public void Rule03_FetchBit_NeedsSmepOrPaeWithNxe(PagingMode mode, bool smep, bool nxe, bool reported)
    {
        using var machine = new TableMachine(mode);
        machine.SetNxe(nxe);
        if (smep) machine.SetCr4(Cr4.SmepBit);
        machine[1, 8] = 0x1_0000 | Bit.Pw;
        int fetch = reported ? Pf.I : 0;
        machine.Faults(fetch, 0x7123, Access.Execute);
        machine.Faults(fetch | Pf.U, 0x7123, Access.Execute, Privilege.User);
        machine.Faults(fetch | Pf.U | Pf.P, 0x8123, Access.Execute, Privilege.User);
        machine.Faults(Pf.U | Pf.P, 0x8123, Access.Read, Privilege.User);
    }

    [Fact]
    public void Rule11_PatBitOfA4KPage_IsBit7AndBit12IsAddress()
    {
        foreach (PagingMode mode in (PagingMode[])[PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel])
        {
            using var machine = new TableMachine(mode);
            for (int index = 0; index < 8; index++)
            {
                ulong type = (ulong)(index & 3) << 3 | (index > 3 ? Bit.Pat : 0);
                machine[1, index] = 0x1_0000 | type | Bit.Pwu;
                machine[1, index + 8] = 0x1_1000 | type | Bit.Pwu;
                Assert.Equal(index, machine.Maps(0x1_0123, (ulong)index << 12 | 0x123).PatIndex);
                Assert.Equal(index, machine.Maps(0x1_1123, (ulong)(index + 8) << 12 | 0x123).PatIndex);
            }
        }
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 2)]
    [InlineData(PagingMode.Pae, 2)]
    [InlineData(PagingMode.FourLevel, 2)]
    [InlineData(PagingMode.FourLevel, 3)]
    [InlineData(PagingMode.FiveLevel, 2)]
    [InlineData(PagingMode.FiveLevel, 3)]
    public void Rule11_PatBitOfALargePage_IsBit12(PagingMode mode, int level)
    {
        using var machine = new TableMachine(mode);
        for (int index = 0; index < 8; index++)
        {
            machine[level, 1 + index] = 0x4000_0000 | Bit.Ps | Bit.Pwu | (ulong)(index & 3) << 3 | (index > 3 ? Bit.PatLarge : 0);
            int shift = mode == PagingMode.TwoLevel ? 22 : level == 2 ? 21 : 30;
            Assert.Equal(index, machine.Maps(0x4000_0123, ((ulong)(1 + index) << shift) | 0x123).PatIndex);
        }
    }

    [Fact]
    public void Rule13_TwoLevelWalk_HasTenBitIndicesAnd22BitOffsets()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine[2, 0x2a7] = 0x9000 | Bit.Pwu;
        machine.SetEntry(0x9000, 0x3c5, 0x7654_3000 | Bit.Pwu);
        machine.SetEntry(0x9000, 0x1c5, 0x1111_1000 | Bit.Pwu);
        machine[2, 0x0a7] = 0xa000 | Bit.Pwu;
        ulong linear = (0x2a7UL << 22) | (0x3c5UL << 12) | 0xabc;
        Assert.Equal(PageSize.Size4K, machine.Maps(0x7654_3abc, linear).PageSize);

        machine[2, 0x3ff] = 0x0180_0000 | Bit.Ps | Bit.Pwu;
        Assert.Equal(PageSize.Size4M, machine.Maps(0x01bf_ffff, 0xffff_ffff).PageSize);
        machine.Maps(0x01a0_0000, 0xffe0_0000);
    }

    [Theory]
    [InlineData(Bit.P, Bit.Pwu)]
    [InlineData(Bit.Pwu, Bit.P)]
    [InlineData(Bit.Pw, Bit.Pu)]
    [InlineData(Bit.Pu, Bit.Pw)]
    public void Rule13_RightsOfATwoLevelPath_AreThoseThatBothEntriesGive(ulong directory, ulong page)
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine[2, 0] = TableMachine.Table(1) | directory;
        machine[1, 7] = 0x1_0000 | page;
        machine.Faults(Pf.P | Pf.W, 0x7123, Access.Write);
        machine.Faults(Pf.P | Pf.U, 0x7123, Access.Read, Privilege.User);
        Assert.Equal(Rights.SupervisorReadExecute, machine.Maps(0x1_0123, 0x7123).Rights);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule14_RootWithoutMemory_ReadsAsOnesAndFaults(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(0x3fff_ffff_f000));
        Translation answer = machine.Faults(Pf.P | Pf.Rsvd | Pf.W | Pf.U, 0x7123, Access.Write, Privilege.User);
        Assert.Equal((int)mode, answer.Fault.Level);
    }

    [Theory]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule14_PageTableWithoutMemory_ReadsAsOnesAndFaults(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        machine[2, 0] = 0x2000_0000_0000 | Bit.Pwu;
        if (mode == PagingMode.Pae) machine[2, 0] = 0x8_0000_0000 | Bit.Pwu;
        Assert.Equal(1, machine.Faults(Pf.P | Pf.Rsvd, 0x7123).Fault.Level);
    }

    [Fact]
    public void Rule14_TwoLevelTableWithoutMemory_MapsTheLastPage()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);

        // All ones is a legal entry here: present, user, writable, frame fffff. Marking it accessed and dirty is lost, and does no harm.
        machine[2, 0] = 0x8000_0000 | Bit.Pwu;
        machine.Maps(0xffff_f123, 0x7123, Access.Write, Privilege.User);
        Assert.True(machine.Mmu.TryWrite(0x7123UL, 0x1234, out _));
        Assert.True(machine.Mmu.TryRead(0x7123UL, out int value, out _));
        Assert.Equal(-1, value);
    }

    [Fact]
    public void Rule14_TableInAHole_ReadsAsOnes()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, MiB), new MemoryRange(16 * MiB, MiB)]);
        memory.Write(0x1000, 0x2007UL);
        memory.Write(0x2000, (8 * MiB) | Bit.Pwu);
        using var mmu = new Mmu(memory, TableMachine.Features46);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(0x1000UL));
        Assert.Equal("#PF(P|W|RSVD) at 0x7123: reserved bit set at level 2", mmu.Translate(0x7123UL, Access.Write).ToString());
    }

    [Fact]
    public void Rule14_TablesInRom_TranslateWithoutBeingMarked()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, MiB), new MemoryRange(16 * MiB, MiB, MemoryKind.Rom)]);
        for (int level = 4; level >= 1; level--)
        {
            ulong next = level == 1 ? 0x5000UL : (16 * MiB) + ((ulong)(level - 1) << 12);
            memory.LoadRom((16 * MiB) + ((ulong)level << 12), BitConverter.GetBytes(next | Bit.Pwu));
        }

        using var mmu = new Mmu(memory, TableMachine.Features46);
        Assert.Equal(MmuFault.None, mmu.EnablePaging((16 * MiB) + 0x4000));
        Assert.Equal(0x5123UL, mmu.Translate(0x123UL, Access.Write).Physical.Value);
        Assert.Equal(0x5000 | Bit.Pwu, memory.Read<ulong>((16 * MiB) + 0x1000));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule37_ProbeEqualsTheRealAccess_WhateverTheEntriesHold(PagingMode mode)
    {
        var random = new Random(37);
        using var machine = new TableMachine(mode);
        machine.SetCr4(Cr4.SmepBit | Cr4.SmapBit | Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(0xa5a5_c3c0);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(0xc3c3_5a58));
        int faults = 0, pages = 0;
        for (int round = 0; round < 6_000; round++)
        {
            for (int level = 1; level <= (mode == PagingMode.Pae ? 2 : machine.TopLevel); level++) machine[level, 0] = RandomEntry(random, machine, level);
            machine.Mmu.InvalidateAll();
            if (round % 100 == 0) machine.SetNxe(round % 200 == 0);
            machine.Mmu.SetRFlags(random.Next(2) == 0 ? 0 : RFlags.AcBit);
            var access = (Access)random.Next(3);
            var privilege = (Privilege)random.Next(3);
            ulong linear = (ulong)random.Next(0x1000);

            ulong[] before = Tables(machine);
            ulong cr2 = machine.Mmu.Cr2;
            Translation probe = machine.Mmu.Probe(linear, access, privilege, out WalkPath path);
            Assert.Equal(before, Tables(machine));
            Assert.Equal(cr2, machine.Mmu.Cr2);
            Assert.InRange(path.Count, 1, machine.TopLevel);

            Assert.Equal(machine.Mmu.Translate(linear, access, privilege), probe);
            if (probe.Ok) pages++;
            else faults++;
        }

        // The comparison means something only if both outcomes were met.
        Assert.InRange(faults, 600, 5400);
        Assert.InRange(pages, 600, 5400);
    }

    [Fact]
    public void Rule37_Probe_LeavesNothingCached()
    {
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(0x1_0123UL, machine.Mmu.Probe(0x7123UL).Physical.Value);
        machine[1, 7] = 0x2_0000 | Bit.Pwu;
        Assert.Equal(0x2_0123UL, machine.Mmu.Translate(0x7123UL).Physical.Value);

        // And it does not look at what is cached either: it says what memory says now.
        machine[1, 7] = 0x3_0000 | Bit.Pwu;
        Assert.Equal(0x3_0123UL, machine.Mmu.Probe(0x7123UL).Physical.Value);
    }

    [Fact]
    public void Rule40_LmeWithoutPaging_TranslatesNothing()
    {
        using var machine = new TableMachine(PagingMode.None);
        machine.SetCr4(Cr4.PaeBit);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteEfer(Efer.LmeBit));
        Assert.Equal(PagingMode.None, machine.Mmu.Mode);
        Assert.False(machine.Mmu.State.Efer.Lma);

        // Not yet long mode: 32-bit linear addresses, and no canonical form.
        Assert.Equal(0x7123UL, machine.Ask(0x0000_8000_0000_7123).Physical.Value);
    }

    [Theory]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.PaeBit, Efer.LmeBit, PagingMode.Pae)]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.PaeBit, Efer.LmeBit | Efer.LmaBit, PagingMode.FourLevel)]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.PaeBit, Efer.LmaBit, PagingMode.FourLevel)]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.PaeBit | Cr4.La57Bit, Efer.LmeBit | Efer.LmaBit, PagingMode.FiveLevel)]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.PaeBit | Cr4.La57Bit, 0, PagingMode.Pae)]
    [InlineData(Cr0.PgBit | Cr0.PeBit, Cr4.La57Bit, Efer.LmeBit, PagingMode.TwoLevel)]
    [InlineData(Cr0.PeBit, Cr4.PaeBit, Efer.LmeBit, PagingMode.None)]
    public void Rule40_PagingMode_FollowsLmaNotLme(ulong cr0, ulong cr4, ulong efer, PagingMode expected)
    {
        var state = new PagingState(TableMachine.Features46) { Cr0 = cr0, Cr4 = cr4, Efer = efer };
        Assert.Equal(expected, state.Mode);
    }

    [Fact]
    public void Rule40_Lma_ComesAndGoesWithPaging()
    {
        using var machine = new TableMachine();
        Assert.True(machine.Mmu.State.Efer.Lma);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr0(machine.Mmu.State.Cr0.Value & ~Cr0.PgBit));
        Assert.True(machine.Mmu.State.Efer.Lme);
        Assert.False(machine.Mmu.State.Efer.Lma);
        Assert.Equal(PagingMode.None, machine.Mmu.Mode);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule40_CompatibilityMode_WalksTheLongModeTables(PagingMode mode)
    {
        // CS.L=0 and LMA=1: 32-bit offsets, and still four or five levels with entries of eight bytes and XD.
        using var machine = new TableMachine(mode);
        machine[1, 7] = 0x1_0000 | Bit.Pw | Bit.Xd;
        machine[3, 3] = 0x8000_0000 | Bit.Ps | Bit.Pw;
        machine.Mmu.Segments[SegmentRegister.DS] = CachedSegment.FromUpperDoubleword(0x18, 0, 0xffff_ffff, 0x00cf_9300);
        Assert.Equal(SegmentationMode.Compatibility, machine.Mmu.Segments.Mode);
        Assert.Equal(0x1_0123UL, machine.Mmu.Translate(new LogicalAddress(SegmentRegister.DS, 0x7123)).Physical.Value);
        Translation large = machine.Mmu.Translate(new LogicalAddress(SegmentRegister.DS, 0xd234_5678));
        Assert.Equal("0x92345678 (1 GiB page, supervisor, writable, executable)", large.ToString());
        machine.Faults(Pf.P | Pf.I, 0x7123, Access.Execute);
    }

    private static ulong[] Tables(TableMachine machine) =>
        [.. Enumerable.Range(1, machine.TopLevel).Select(level => machine[level, 0])];

    // Mostly an entry that works, with a few bits turned over: then many walks get through, and every check is met.
    private static ulong RandomEntry(Random random, TableMachine machine, int level)
    {
        ulong entry = (level == 1 ? 0x1_0000 : TableMachine.Table(level - 1)) | Bit.Pwu;
        for (int flips = random.Next(4) - 1; flips > 0; flips--)
        {
            int bit = random.Next(4) == 0 ? random.Next(12, machine.EntryBytes * 8) : random.Next(9);
            if (random.Next(4) == 0) bit = (machine.EntryBytes * 8) - 1 - random.Next(5);
            entry ^= 1UL << bit;
        }

        return entry;
    }
}
