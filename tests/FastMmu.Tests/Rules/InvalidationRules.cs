using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>What cached translations may still say, and what drops them.</summary>
public sealed class InvalidationRules
{
    private const ulong Linear = 0x7123;
    private const ulong OtherTable = 0x9000;

    public static TheoryData<string> Caches => TableMachine.Caches;

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule28_CachedEntryThatRefuses_IsLookedUpAgainBeforeAFault(string caches)
    {
        // Each right is given in memory without an invalidation, as software may: the first access that needs it must not fault.
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.P | Bit.Xd;
        machine.Maps(0x1_0123, Linear);
        machine[1, 7] |= Bit.W;
        machine.Maps(0x1_0123, Linear, Access.Write);
        machine[1, 7] |= Bit.U;
        machine.Maps(0x1_0123, Linear, Access.Write, Privilege.User);
        machine[1, 7] &= ~Bit.Xd;
        machine.Maps(0x1_0123, Linear, Access.Execute, Privilege.User);

        // The same for a right that a directory withheld.
        machine[1, 8] = 0x2_0000 | Bit.Pwu;
        machine[2, 0] = TableMachine.Table(1) | Bit.P;
        machine.Mmu.InvalidateAll();
        machine.Maps(0x2_0123, 0x8123);
        machine[2, 0] |= Bit.W | Bit.U;
        machine.Maps(0x2_0123, 0x8123, Access.Write, Privilege.User);

        // And for a key.
        machine.SetCr4(Cr4.PkeBit);
        machine.Mmu.WritePkru(0b10 << 10);
        machine[1, 8] |= Bit.Key(5);
        machine.Mmu.InvalidateAll();
        machine.Maps(0x2_0123, 0x8123, Access.Read, Privilege.User);
        machine[1, 8] &= ~Bit.Key(5);
        machine.Maps(0x2_0123, 0x8123, Access.Write, Privilege.User);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule28_PageThatWasAbsent_IsFoundWithoutInvalidation(string caches)
    {
        // Absence and reserved bits are never cached, at any level.
        for (int level = 1; level <= 4; level++)
        {
            using TableMachine machine = FourLevel(caches);
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            ulong good = machine[level, level == 1 ? 7 : 0];
            machine[level, level == 1 ? 7 : 0] = 0;
            machine.Faults(0, Linear);
            machine[level, level == 1 ? 7 : 0] = good | (1UL << 50);
            machine.Faults(Pf.P | Pf.Rsvd, Linear);
            machine[level, level == 1 ? 7 : 0] = good;
            machine.Maps(0x1_0123, Linear);
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule28_FaultIsRaised_ByWhatTheTablesSayNow(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.P;
        machine.Maps(0x1_0123, Linear);
        machine[1, 7] = 0;
        Assert.Equal("#PF(W) at 0x7123: not present at level 1", machine.Mmu.Translate(Linear, Access.Write).ToString());
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule29_PageFault_DropsWhatWasCachedForItsPage(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.P | Bit.G;
        machine.Maps(0x1_0123, Linear);

        // The frame moves, and an access faults: afterwards the old frame may not be seen again, although no INVLPG was made.
        machine[1, 7] = 0x2_0000 | Bit.P;
        Assert.Equal(Pf.P | Pf.W, machine.Mmu.Translate(Linear, Access.Write).Fault.ErrorCode);
        Assert.Equal(0x2_0123UL, machine.Mmu.Translate(Linear).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule29_PageFault_DropsTheCachedWayToItsPage(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.P;
        machine[1, 8] = 0x2_0000 | Bit.P;
        machine.Maps(0x1_0123, Linear);
        machine[2, 0] = OtherTable | Bit.Pwu;
        machine.SetEntry(OtherTable, 8, 0x3_0000 | Bit.P);
        Assert.Equal(Pf.P | Pf.W, machine.Mmu.Translate(0x8123UL, Access.Write).Fault.ErrorCode);
        Assert.Equal(0x3_0123UL, machine.Mmu.Translate(0x8123UL).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule29_PageFaultInALargePage_DropsAllOfIt(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.P;
        machine.Maps(0x60_0123, 0x20_0123);
        machine.Maps(0x7f_f123, 0x3f_f123);
        machine[2, 1] = 0x80_0000 | Bit.Ps | Bit.P;
        Assert.True(machine.Mmu.Translate(0x20_0123UL, Access.Write).Fault.IsFault);
        Assert.Equal(0x80_0123UL, machine.Mmu.Translate(0x20_0123UL).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule30_Invlpg_DropsGlobalTranslations(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.G;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu | Bit.G;
        Assert.True(machine.Maps(0x1_0123, Linear).Rights.HasFlag(Rights.Global));
        machine.Maps(0x60_0123, 0x20_0123);
        machine[1, 7] = 0x2_0000 | Bit.Pwu;
        machine[2, 1] = 0x80_0000 | Bit.Ps | Bit.Pwu;
        machine.Mmu.InvalidatePage(0x7fffUL);
        machine.Mmu.InvalidatePage(0x3f_ffffUL);
        machine.Maps(0x2_0123, Linear);
        machine.Maps(0x80_0123, 0x20_0123);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule30_Invlpg_DropsThePagingStructureCachesWhateverTheAddress(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, Linear);

        // The directory entry moves; an address of quite another region is invalidated; a page not yet seen must be found the new way.
        machine[2, 0] = OtherTable | Bit.Pwu;
        machine.SetEntry(OtherTable, 8, 0x3_0000 | Bit.Pwu);
        machine.Mmu.InvalidatePage(0x7f00_0000_0000UL);
        Assert.Equal(0x3_0123UL, machine.Mmu.Translate(0x8123UL).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule30_InvlpgOfAnyAddress_NeverFaultsAndKeepsWhatItDoesNotName(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, Linear);
        ulong hits = machine.Mmu.Statistics.Tlb.TotalHits;
        ulong lookups = machine.Mmu.Statistics.Tlb.Lookups;
        foreach (ulong address in (ulong[])[0x0000_8000_0000_7000, 0x8000_0000_0000_7000, 0xffff_7fff_ffff_f000, 0x0100_0000_0000_7123, 0x6000, 0x8000])
        {
            machine.Mmu.InvalidatePage(address);
        }

        Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
        Assert.Equal(0x1_0123UL, machine.Mmu.Translate(Linear).Physical.Value);
        Assert.Equal(machine.Mmu.Statistics.Tlb.Lookups - lookups, machine.Mmu.Statistics.Tlb.TotalHits - hits);
    }

    [Fact]
    public void Rule24_InvlpgOfATaggedAddress_DropsNothing()
    {
        using TableMachine machine = FourLevel("Zen 4");
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU57Bit));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, 0x7e00_0000_0000_7123);
        ulong walks = machine.Mmu.Statistics.Walks;
        machine.Mmu.InvalidatePage(0x7e00_0000_0000_7123UL);
        machine.Maps(0x1_0123, 0x7e00_0000_0000_7123);
        Assert.Equal(walks, machine.Mmu.Statistics.Walks);
        machine.Mmu.InvalidatePage(Linear);
        machine.Maps(0x1_0123, 0x7e00_0000_0000_7123);
        Assert.Equal(walks + 1, machine.Mmu.Statistics.Walks);
    }

    [Fact]
    public void Rule24_InvpcidOfATaggedAddress_IsGeneralProtection()
    {
        using TableMachine machine = FourLevel("Zen 4");
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.LamU57Bit));
        Assert.Equal("#GP(0): INVPCID operand", machine.Mmu.InvalidatePcid(0, 0, 0x7e00_0000_0000_7123).ToString());
    }

    /// <summary>
    /// An operation, made in PCID 1, and what of four cached translations it must drop: a page of PCID 1, a page of PCID 2, another page of
    /// PCID 1, and a global page. What it need not drop the caches keep, which shows that nothing is dropped in vain.
    /// </summary>
    [Theory]
    [InlineData("CR3 to PCID 1", true, false, true, false)]
    [InlineData("CR3 to PCID 2", false, true, false, false)]
    [InlineData("CR3 to PCID 1, kept", false, false, false, false)]
    [InlineData("CR3 to PCID 2, kept", false, false, false, false)]
    [InlineData("INVLPG of the page", true, false, false, false)]
    [InlineData("INVLPG of the global page", false, false, false, true)]
    [InlineData("INVPCID 0 of PCID 1", true, false, false, false)]
    [InlineData("INVPCID 0 of PCID 2", false, true, false, false)]
    [InlineData("INVPCID 0 of the global page", false, false, false, false)]
    [InlineData("INVPCID 1 of PCID 1", true, false, true, false)]
    [InlineData("INVPCID 1 of PCID 2", false, true, false, false)]
    [InlineData("INVPCID 1 of PCID 3", false, false, false, false)]
    [InlineData("INVPCID 2", true, true, true, true)]
    [InlineData("INVPCID 3", true, true, true, false)]
    [InlineData("PGE off", true, true, true, true)]
    [InlineData("PGE off and on", true, true, true, true)]
    [InlineData("PCIDE off", true, true, true, true)]
    [InlineData("INVPCID refused", false, false, false, false)]
    [InlineData("CR3 refused", false, false, false, false)]
    public void Rule31_EveryInvalidation_DropsItsOwnAndNothingElse(string operation, bool page1, bool page2, bool other1, bool global)
    {
        foreach (string caches in (string[])["no cache", "paging-structure caches alone", "Zen 4", "TLB alone", "Skylake, true LRU"])
        {
            using TableMachine machine = FourLevel(caches);
            Mmu mmu = machine.Mmu;
            ulong root = TableMachine.Table(4);
            machine.SetCr4(Cr4.PcideBit);
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine[1, 8] = 0x2_0000 | Bit.Pwu;
            machine[1, 9] = 0x3_0000 | Bit.Pwu | Bit.G;
            Assert.Equal(MmuFault.None, mmu.WriteCr3(root | 2));
            machine.Maps(0x1_0000, 0x7000);
            Assert.Equal(MmuFault.None, mmu.WriteCr3(root | 1));
            machine.Maps(0x1_0000, 0x7000);
            machine.Maps(0x2_0000, 0x8000);
            machine.Maps(0x3_0000, 0x9000);
            for (int page = 7; page <= 9; page++) machine[1, page] += 0x10_0000;

            Perform(mmu, operation, root);

            bool cached = mmu.Statistics.Tlb.Lookups > 0;
            bool pcids = mmu.State.Cr4.Pcide;
            GoTo(1);
            Check(0x7000, 0x1_0000, page1);
            Check(0x8000, 0x2_0000, other1);
            Check(0x9000, 0x3_0000, global);
            GoTo(2);
            Check(0x7000, 0x1_0000, page2);

            void GoTo(ulong pcid)
            {
                if (pcids) Assert.Equal(MmuFault.None, mmu.WriteCr3(root | pcid | Cr3.NoFlushBit));
            }

            void Check(ulong linear, ulong old, bool dropped)
            {
                bool stale = mmu.Translate(linear).Physical.Value == old;
                Assert.True(stale == (cached && !dropped), $"{operation} with {caches}: {linear:x} is {(stale ? "old" : "new")}");
            }
        }
    }

    [Theory]
    [InlineData("CR3 to PCID 1", true)]
    [InlineData("INVLPG of the page", true)]
    [InlineData("INVLPG of the global page", true)]
    [InlineData("INVPCID 0 of PCID 1", true)]
    [InlineData("INVPCID 1 of PCID 1", true)]
    [InlineData("INVPCID 2", true)]
    [InlineData("INVPCID 3", true)]
    [InlineData("PGE off", true)]
    [InlineData("PCIDE off", true)]
    [InlineData("CR3 to PCID 2", false)]
    [InlineData("INVPCID 1 of PCID 2", false)]
    [InlineData("CR3 to PCID 1, kept", false)]
    public void Rule31_EveryInvalidation_DropsThePagingStructureCachesOfItsPcid(string operation, bool dropped)
    {
        using TableMachine machine = FourLevel("paging-structure caches alone");
        Mmu mmu = machine.Mmu;
        ulong root = TableMachine.Table(4);
        machine.SetCr4(Cr4.PcideBit);
        Assert.Equal(MmuFault.None, mmu.WriteCr3(root | 1));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 10] = 0x2_0000 | Bit.Pwu;
        machine.Maps(0x1_0000, 0x7000);
        machine[2, 0] = OtherTable | Bit.Pwu;
        machine.SetEntry(OtherTable, 10, 0x3_0000 | Bit.Pwu);
        Perform(mmu, operation, root);
        if (mmu.State.Cr4.Pcide) Assert.Equal(MmuFault.None, mmu.WriteCr3(root | 1 | Cr3.NoFlushBit));
        Assert.Equal(dropped ? 0x3_0000UL : 0x2_0000, mmu.Translate(0xa000UL).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule31_Cr3WithoutPcids_DropsAllButGlobals(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 9] = 0x3_0000 | Bit.Pwu | Bit.G;
        machine.Maps(0x1_0123, Linear);
        machine.Maps(0x3_0123, 0x9123);
        bool cached = machine.Mmu.Statistics.Tlb.Lookups > 0;
        machine[1, 7] += 0x10_0000;
        machine[1, 9] += 0x10_0000;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4)));
        Assert.Equal(0x11_0123UL, machine.Mmu.Translate(Linear).Physical.Value);
        Assert.Equal(cached ? 0x3_0123UL : 0x13_0123, machine.Mmu.Translate(0x9123UL).Physical.Value);

        // Without PCIDE, bit 63 is a reserved bit and not a request.
        Assert.Equal(ExceptionVector.GeneralProtection, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.NoFlushBit).Vector);
    }

    [Fact]
    public void Rule31_NoFlushBit_IsNotStored()
    {
        using TableMachine machine = FourLevel("Zen 4");
        machine.SetCr4(Cr4.PcideBit);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | 5 | Cr3.NoFlushBit));
        Assert.Equal(TableMachine.Table(4) | 5, machine.Mmu.State.Cr3.Value);
        Assert.Equal(5, machine.Mmu.State.Pcid);
    }

    [Theory]
    [InlineData(4, 0, 0, true)]
    [InlineData(ulong.MaxValue, 0, 0, true)]
    [InlineData(0x1_0000_0000, 0, 0, true)]
    [InlineData(0, 0x1000, 0, true)]
    [InlineData(1, 0x8000_0000_0000_0000, 0, true)]
    [InlineData(2, 0x1000, 0, true)]
    [InlineData(3, 0x1000, 0, true)]
    [InlineData(0, 1, 0, false)]
    [InlineData(1, 0xfff, 0, false)]
    [InlineData(0, 0, 0x8000_0000_0000_0000, true)]
    public void Rule31_InvpcidOperands_AreGeneralProtection(ulong type, ulong pcid, ulong linear, bool evenWithPcide)
    {
        foreach (bool pcide in (bool[])[false, true])
        {
            using TableMachine machine = FourLevel("Zen 4");
            if (pcide) machine.SetCr4(Cr4.PcideBit);
            MmuFault fault = machine.Mmu.InvalidatePcid(type, pcid, linear);
            if (pcide && !evenWithPcide) Assert.Equal(MmuFault.None, fault);
            else Assert.Equal("#GP(0): INVPCID operand", fault.ToString());
            Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
        }
    }

    [Theory]
    [InlineData(2, 7, 0)]
    [InlineData(3, 0xfff, 0)]
    [InlineData(1, 0, 0x8000_0000_0000_0000)]
    [InlineData(2, 0, 0x8000_0000_0000_0000)]
    [InlineData(0, 0, 0xffff_8000_0000_0000)]
    public void Rule31_InvpcidOperandsThatDoNotCount_AreAccepted(ulong type, ulong pcid, ulong linear)
    {
        using TableMachine machine = FourLevel("Zen 4");
        Assert.Equal(MmuFault.None, machine.Mmu.InvalidatePcid(type, pcid, linear));
    }

    [Fact]
    public void Rule31_SettingPcide_NeedsLongModeAndPcidZero()
    {
        using TableMachine machine = FourLevel("Zen 4");
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4) | Cr3.PcdBit));
        ulong cr4 = machine.Mmu.State.Cr4.Value;
        Assert.Equal(ExceptionVector.GeneralProtection, machine.Mmu.WriteCr4(cr4 | Cr4.PcideBit).Vector);
        Assert.Equal(cr4, machine.Mmu.State.Cr4.Value);
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4)));
        machine.SetCr4(Cr4.PcideBit);

        using var pae = new TableMachine(PagingMode.Pae);
        Assert.Equal(ExceptionVector.GeneralProtection, pae.Mmu.WriteCr4(pae.Mmu.State.Cr4.Value | Cr4.PcideBit).Vector);
    }

    [Fact]
    public void Rule31_ClearingPgWithPcide_IsGeneralProtection()
    {
        using TableMachine machine = FourLevel("Zen 4");
        machine.SetCr4(Cr4.PcideBit);
        ulong cr0 = machine.Mmu.State.Cr0.Value;
        Assert.Equal(ExceptionVector.GeneralProtection, machine.Mmu.WriteCr0(cr0 & ~Cr0.PgBit).Vector);
        Assert.Equal(cr0, machine.Mmu.State.Cr0.Value);
        Assert.True(machine.Mmu.State.Efer.Lma);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule32_GlobalBitWithoutPge_CountsForNothing(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.ClearCr4(Cr4.PgeBit);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.G;
        Assert.False(machine.Maps(0x1_0123, Linear).Rights.HasFlag(Rights.Global));
        machine[1, 7] += 0x10_0000;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4)));
        machine.Maps(0x11_0123, Linear);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule32_GlobalBitOfNonLeafEntries_CountsForNothing(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        for (int level = 2; level <= 4; level++) machine[level, 0] |= Bit.G;
        Assert.False(machine.Maps(0x1_0123, Linear).Rights.HasFlag(Rights.Global));
        machine[1, 7] += 0x10_0000;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(TableMachine.Table(4)));
        machine.Maps(0x11_0123, Linear);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 1)]
    [InlineData(PagingMode.TwoLevel, 2)]
    [InlineData(PagingMode.Pae, 1)]
    [InlineData(PagingMode.Pae, 2)]
    [InlineData(PagingMode.FourLevel, 1)]
    [InlineData(PagingMode.FourLevel, 2)]
    [InlineData(PagingMode.FourLevel, 3)]
    [InlineData(PagingMode.FiveLevel, 3)]
    public void Rule32_GlobalLeaf_OutlivesCr3ButNotPge(PagingMode mode, int level)
    {
        using var machine = new TableMachine(mode, options: TableMachine.CachedBy("Zen 4"));
        machine[level, level == 1 ? 7 : 1] = 0x4000_0000 | Bit.Pwu | Bit.G | (level == 1 ? 0 : Bit.Ps);
        ulong linear = level switch { 1 => 0x7000UL, 2 when mode == PagingMode.TwoLevel => 0x40_0000, 2 => 0x20_0000, _ => 0x4000_0000 };
        Assert.True(machine.Maps(0x4000_0000, linear).Rights.HasFlag(Rights.Global));
        machine[level, level == 1 ? 7 : 1] += 0x4000_0000;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr3(machine.Mmu.State.Cr3.Value));
        Assert.Equal(0x4000_0000UL, machine.Mmu.Translate(linear).Physical.Value);
        machine.ClearCr4(Cr4.PgeBit);
        Assert.Equal(0x8000_0000UL, machine.Mmu.Translate(linear).Physical.Value);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule32_TogglingPge_DropsEverything(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.G;
        machine[1, 8] = 0x2_0000 | Bit.Pwu;
        for (ulong round = 0; round < 4; round++)
        {
            machine.Maps(0x1_0123 + (round * 0x10_0000), Linear);
            machine.Maps(0x2_0123 + (round * 0x10_0000), 0x8123);
            machine[1, 7] += 0x10_0000;
            machine[1, 8] += 0x10_0000;
            Assert.Equal(MmuFault.None, machine.Mmu.WriteCr4(machine.Mmu.State.Cr4.Value ^ Cr4.PgeBit));
        }
    }

    /// <summary>
    /// The directory entry of one 2-MiB region changes between a large page here, a large page there and a table, and nobody invalidates.
    /// Every answer must be one that some single state since the last invalidation would have given, whole: frame, size and rights.
    /// </summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule33_StaleAnswer_IsOneOfThePastAndNeverAMixture(string caches)
    {
        var random = new Random(33);
        using TableMachine machine = FourLevel(caches);
        for (int i = 0; i < 512; i++) machine.SetEntry(OtherTable, i, 0x200_0000 + ((ulong)(511 - i) << 12) | Bit.Pwu);
        ulong[] states = [OtherTable | Bit.Pwu, 0x80_0000 | Bit.Ps | Bit.Pw, 0xa0_0000 | Bit.Ps | Bit.Pu, OtherTable | Bit.P];
        List<ulong> possible = [];
        int stale = 0;
        Set(0);
        for (int round = 0; round < 50_000; round++)
        {
            switch (random.Next(40))
            {
                case 0:
                    Set(random.Next(states.Length));
                    break;
                case 1:
                    // One INVLPG closes the window for large pages; small ones are each their own.
                    machine.Mmu.InvalidatePage(0x20_0000UL + (ulong)random.Next(1 << 21));
                    if (possible.Exists(state => (state & Bit.Ps) == 0)) machine.Mmu.InvalidateAll();
                    possible.RemoveRange(0, possible.Count - 1);
                    break;
                default:
                    ulong linear = 0x20_0000 + (ulong)random.Next(1 << 21);
                    var access = (Access)random.Next(2);
                    var privilege = (Privilege)random.Next(2);
                    Translation answer = machine.Mmu.Translate(linear, access, privilege);
                    if (answer.Ok)
                    {
                        var seen = (answer.Physical.Value, answer.PageSize, answer.Rights);
                        Assert.Contains(seen, possible.Select(state => Whole(state, linear)));
                        if (seen != Whole(possible[^1], linear)) stale++;
                    }
                    else
                    {
                        // A fault comes from the tables as they are, whatever was cached.
                        bool refused = (access == Access.Write && (possible[^1] & Bit.W) == 0) || (privilege == Privilege.User && (possible[^1] & Bit.U) == 0);
                        Assert.True(refused, answer.ToString());
                    }

                    break;
            }
        }

        // Where translations are cached, something did look through the window.
        Assert.Equal(machine.Mmu.Statistics.Tlb.Lookups > 0 || caches.StartsWith("paging", StringComparison.Ordinal), stale > 0);

        void Set(int state)
        {
            machine[2, 1] = states[state];
            possible.Add(states[state]);
        }

        static (ulong Physical, PageSize Size, Rights Rights) Whole(ulong state, ulong linear)
        {
            Rights rights = Rights.Read | Rights.Execute | ((state & Bit.W) != 0 ? Rights.Write : 0) | ((state & Bit.U) != 0 ? Rights.User : 0);
            return (state & Bit.Ps) != 0
                ? ((state & 0xffe0_0000) | (linear & 0x1f_ffff), PageSize.Size2M, rights)
                : (0x200_0000 + ((511 - ((linear >> 12) & 511)) << 12) + (linear & 0xfff), PageSize.Size4K, rights);
        }
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 2, 0x40_0000)]
    [InlineData(PagingMode.Pae, 2, 0x20_0000)]
    [InlineData(PagingMode.FourLevel, 2, 0x20_0000)]
    [InlineData(PagingMode.FourLevel, 3, 0x4000_0000)]
    [InlineData(PagingMode.FiveLevel, 3, 0x4000_0000)]
    public void Rule34_InvlpgAnywhereInALargePage_DropsAllOfIt(PagingMode mode, int level, ulong size)
    {
        foreach (string caches in (string[])["no cache", "TLB alone", "Zen 4", "Skylake, true LRU", "80386, random"])
        {
            using var machine = new TableMachine(mode, options: TableMachine.CachedBy(caches));
            ulong[] offsets = [0, 0x1123, size / 2, size - 0x1000, size - 1];
            ulong frame = 0x4000_0000;
            foreach (ulong at in offsets)
            {
                machine[level, 1] = frame | Bit.Ps | Bit.Pwu;
                machine.Mmu.InvalidateAll();
                foreach (ulong offset in offsets) machine.Maps(frame + offset, size + offset);
                frame ^= 0xc000_0000;
                machine[level, 1] = frame | Bit.Ps | Bit.Pwu;
                machine.Mmu.InvalidatePage(size + at);
                foreach (ulong offset in offsets) machine.Maps(frame + offset, size + offset);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule34_Invlpg_DropsBothSizesThatAnAddressMayHave(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        for (int i = 0; i < 512; i++) machine.SetEntry(OtherTable, i, 0x200_0000 + ((ulong)i << 12) | Bit.Pwu);
        machine[2, 1] = OtherTable | Bit.Pwu;
        machine.Maps(0x200_3000, 0x20_3000);

        // Now a large page: 20_3000 may still be cached as a small one, its neighbour is seen as part of the large one. The way to the
        // former table is forgotten by an INVLPG of some other page.
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu;
        machine.Mmu.InvalidatePage(0x7f00_0000_0000UL);
        Assert.Equal(0x60_5000UL, machine.Mmu.Translate(0x20_5000UL).Physical.Value);
        Assert.Contains(machine.Mmu.Translate(0x20_3000UL).Physical.Value, (ulong[])[0x200_3000, 0x60_3000]);

        // And small pages again, elsewhere. One INVLPG must leave no trace of either size at that address, nor of the large page anywhere.
        for (int i = 0; i < 512; i++) machine.SetEntry(OtherTable, i, 0x300_0000 + ((ulong)i << 12) | Bit.Pwu);
        machine[2, 1] = OtherTable | Bit.Pwu;
        machine.Mmu.InvalidatePage(0x20_3000UL);
        machine.Maps(0x300_3000, 0x20_3000);
        machine.Maps(0x300_5000, 0x20_5000);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule34_SizeOfATranslation_IsThatOfItsLeaf(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu;
        machine[3, 1] = 0x8000_0000 | Bit.Ps | Bit.Pwu;
        Assert.Equal(PageSize.Size4K, machine.Maps(0x1_0123, Linear).PageSize);
        Assert.Equal(PageSize.Size2M, machine.Maps(0x61_2345, 0x21_2345).PageSize);
        Assert.Equal(PageSize.Size1G, machine.Maps(0x9234_5678, 0x5234_5678).PageSize);
    }

    private static TableMachine FourLevel(string caches) => new(options: TableMachine.CachedBy(caches));

    private static void Perform(Mmu mmu, string operation, ulong root)
    {
        ulong cr4 = mmu.State.Cr4.Value;
        MmuFault expected = MmuFault.None;
        MmuFault fault = MmuFault.None;
        switch (operation)
        {
            case "CR3 to PCID 1":
                fault = mmu.WriteCr3(root | 1);
                break;
            case "CR3 to PCID 2":
                fault = mmu.WriteCr3(root | 2);
                break;
            case "CR3 to PCID 1, kept":
                fault = mmu.WriteCr3(root | 1 | Cr3.NoFlushBit);
                break;
            case "CR3 to PCID 2, kept":
                fault = mmu.WriteCr3(root | 2 | Cr3.NoFlushBit);
                break;
            case "INVLPG of the page":
                mmu.InvalidatePage(0x7000UL);
                break;
            case "INVLPG of the global page":
                mmu.InvalidatePage(0x9000UL);
                break;
            case "INVPCID 0 of PCID 1":
                fault = mmu.InvalidatePcid(0, 1, 0x7000);
                break;
            case "INVPCID 0 of PCID 2":
                fault = mmu.InvalidatePcid(0, 2, 0x7000);
                break;
            case "INVPCID 0 of the global page":
                fault = mmu.InvalidatePcid(0, 1, 0x9000);
                break;
            case "INVPCID 1 of PCID 1":
                fault = mmu.InvalidatePcid(1, 1);
                break;
            case "INVPCID 1 of PCID 2":
                fault = mmu.InvalidatePcid(1, 2);
                break;
            case "INVPCID 1 of PCID 3":
                fault = mmu.InvalidatePcid(1, 3);
                break;
            case "INVPCID 2":
                fault = mmu.InvalidatePcid(2, 0);
                break;
            case "INVPCID 3":
                fault = mmu.InvalidatePcid(3, 0);
                break;
            case "INVPCID refused":
                expected = MmuFault.GeneralProtection(0, FaultReason.InvalidationOperand);
                fault = mmu.InvalidatePcid(4, 0);
                break;
            case "CR3 refused":
                expected = MmuFault.GeneralProtection(0, FaultReason.RegisterWrite);
                fault = mmu.WriteCr3(root | 1 | 1UL << 50);
                break;
            case "PGE off":
                fault = mmu.WriteCr4(cr4 & ~Cr4.PgeBit);
                break;
            case "PGE off and on":
                Assert.Equal(MmuFault.None, mmu.WriteCr4(cr4 & ~Cr4.PgeBit));
                fault = mmu.WriteCr4(cr4);
                break;
            case "PCIDE off":
                fault = mmu.WriteCr4(cr4 & ~Cr4.PcideBit);
                break;
            default:
                Assert.Fail($"No such operation: {operation}");
                break;
        }

        Assert.Equal(expected, fault);
    }
}
