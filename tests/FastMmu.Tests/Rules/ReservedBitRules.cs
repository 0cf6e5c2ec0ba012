using FastMmu.Addresses;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>Which bits of an entry are reserved in which mode, and what the fault says.</summary>
public sealed class ReservedBitRules
{
    /// <summary>Every access and the bits of the error code that it alone decides, in a mode with SMEP or NXE.</summary>
    public static TheoryData<Access, Privilege, int> Accesses => new()
    {
        { Access.Read, Privilege.Supervisor, 0 },
        { Access.Read, Privilege.User, Pf.U },
        { Access.Write, Privilege.Supervisor, Pf.W },
        { Access.Write, Privilege.User, Pf.W | Pf.U },
        { Access.Execute, Privilege.Supervisor, Pf.I },
        { Access.Execute, Privilege.User, Pf.I | Pf.U },
        { Access.Read, Privilege.ImplicitSupervisor, 0 },
    };

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Rule01_ReservedBitFault_HasPresentBit(Access access, Privilege privilege, int accessBits)
    {
        for (PagingMode mode = PagingMode.Pae; mode <= PagingMode.FiveLevel; mode++)
        {
            for (int level = 1; level <= (mode == PagingMode.Pae ? 2 : (int)mode); level++)
            {
                using var machine = new TableMachine(mode);
                machine[1, 7] = 0x1_0000 | Bit.Pwu;
                machine[level, level == 1 ? 7 : 0] |= 1UL << 46;
                Translation answer = machine.Faults(Pf.P | Pf.Rsvd | accessBits, 0x7123, access, privilege);
                Assert.Equal(level, answer.Fault.Level);
            }
        }
    }

    [Fact]
    public void Rule01_ReservedBitOfFourMegabytePage_HasPresentBit()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine[2, 0] = (1UL << 21) | Bit.Ps | Bit.Pwu;
        machine.Faults(Pf.P | Pf.Rsvd | Pf.W | Pf.U, 0x7123, Access.Write, Privilege.User);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule01_NotPresentEntryOfAllOnes_IsOnlyNotPresent(PagingMode mode)
    {
        int top = mode == PagingMode.Pae ? 2 : (int)mode;
        for (int level = 1; level <= top; level++)
        {
            using var machine = new TableMachine(mode);
            machine[level, level == 1 ? 7 : 0] = mode == PagingMode.TwoLevel ? 0xffff_fffe : 0xffff_ffff_ffff_fffe;
            machine.Faults(Pf.U, 0x7123, Access.Read, Privilege.User);
        }
    }

    /// <summary>MAXPHYADDR, whether PSE-36 exists, and the lowest reserved bit of a 4-MiB entry; those above it up to 21 are reserved too.</summary>
    [Theory]
    [InlineData(32, true, 13)]
    [InlineData(34, true, 15)]
    [InlineData(36, true, 17)]
    [InlineData(39, true, 20)]
    [InlineData(40, true, 21)]
    [InlineData(46, true, 21)]
    [InlineData(52, true, 21)]
    [InlineData(36, false, 13)]
    [InlineData(52, false, 13)]
    public void Rule04_Pse36_AddressBitsEndAtTheLesserOf40AndMaxPhyAddr(int width, bool pse36, int lowestReserved)
    {
        ProcessorFeatures features = TableMachine.Features46 with { PhysicalAddressBits = width, Pse36 = pse36 };
        for (int bit = 13; bit <= 21; bit++)
        {
            using var machine = new TableMachine(PagingMode.TwoLevel, features);
            machine[2, 1] = 0x00c0_0000 | (1UL << bit) | Bit.Ps | Bit.Pwu;
            if (bit >= lowestReserved)
            {
                machine.Faults(Pf.P | Pf.Rsvd, 0x41_2345);
                continue;
            }

            Translation answer = machine.Maps((1UL << (bit + 19)) | 0xc1_2345, 0x41_2345);
            Assert.Equal(PageSize.Size4M, answer.PageSize);
        }
    }

    [Fact]
    public void Rule04_AllAddressBitsOfPse36_FormAFortyBitFrame()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine[2, 1] = 0xffc0_0000 | (0xffUL << 13) | Bit.PatLarge | Bit.Ps | Bit.Pwu;
        machine.Maps(0xff_ffc1_2345, 0x41_2345);
    }

    [Fact]
    public void Rule05_PsWithoutCr4Pse_IsIgnoredInTwoLevelPaging()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine.ClearCr4(Cr4.PseBit);
        machine[2, 0] |= Bit.Ps;
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(PageSize.Size4K, machine.Maps(0x1_0123, 0x7123).PageSize);
    }

    [Fact]
    public void Rule05_TablePointerWithPsAndBits21To13_HasNoReservedBitWithoutCr4Pse()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine.ClearCr4(Cr4.PseBit);
        machine[2, 0] = 0x3f_e000 | Bit.Ps | Bit.Pwu;
        machine.SetEntry(0x3f_e000, 7, 0x1_0000 | Bit.Pwu);
        machine.Maps(0x1_0123, 0x7123);
    }

    [Theory]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule05_PsWithoutCr4Pse_StillMapsTwoMegabytesElsewhere(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        machine.ClearCr4(Cr4.PseBit);
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu;
        Assert.Equal(PageSize.Size2M, machine.Maps(0x61_2345, 0x21_2345).PageSize);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rule06_TwoLevelEntriesOfFourKilobytePages_HaveNoReservedBit(bool pse)
    {
        // 32 bits of physical address: nothing of an entry is beyond MAXPHYADDR, and nothing else is reserved either.
        using var machine = new TableMachine(PagingMode.TwoLevel, ProcessorFeatures.Everything with { PhysicalAddressBits = 32 });
        if (!pse) machine.ClearCr4(Cr4.PseBit);
        machine[2, 0] |= pse ? 0xf78u : 0xff8;
        machine[1, 7] = 0xffff_ffff;
        machine.Maps(0xffff_f123, 0x7123, Access.Write, Privilege.User);
    }

    [Fact]
    public void Rule06_ExecuteDisable_DoesNotExistInTwoLevelPaging()
    {
        using var machine = new TableMachine(PagingMode.TwoLevel);
        machine.SetNxe(true);

        // A walker that read eight bytes would find the neighbour's bit 31 where XD is in the other modes.
        machine[1, 6] = 0x1_0000 | Bit.Pwu;
        machine[1, 7] = 0xffff_ffff;
        machine[2, 1] = 0xffff_ffff;
        machine.Maps(0x1_0123, 0x6123, Access.Execute, Privilege.User);
        Assert.True(machine.Maps(0xffff_f123, 0x7123, Access.Execute, Privilege.User).Rights.HasFlag(FastMmu.Paging.Rights.Execute));
    }

    [Fact]
    public void Rule08_Bits62To52_AreReservedInPae()
    {
        for (int level = 1; level <= 2; level++)
        {
            for (int bit = 52; bit <= 62; bit++)
            {
                using var machine = new TableMachine(PagingMode.Pae, ProcessorFeatures.Everything);
                machine[1, 7] = 0x1_0000 | Bit.Pwu;
                machine[level, level == 1 ? 7 : 0] |= 1UL << bit;
                machine.Faults(Pf.P | Pf.Rsvd, 0x7123);
            }
        }
    }

    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule08_Bits62To52_AreIgnoredInLongMode(PagingMode mode)
    {
        using var machine = new TableMachine(mode, ProcessorFeatures.Everything);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu | (0x7ffUL << 52);
        for (int level = 1; level <= machine.TopLevel; level++) machine[level, level == 1 ? 7 : 0] |= 0x7ffUL << 52;
        machine.Maps(0x1_0123, 0x7123, Access.Write, Privilege.User);
        machine.Maps(0x61_2345, 0x21_2345, Access.Write, Privilege.User);
    }

    [Theory]
    [InlineData(PagingMode.Pae, 32)]
    [InlineData(PagingMode.Pae, 36)]
    [InlineData(PagingMode.FourLevel, 36)]
    [InlineData(PagingMode.FourLevel, 51)]
    [InlineData(PagingMode.FiveLevel, 46)]
    public void Rule08_BitsFromMaxPhyAddrTo51_AreReservedAtEveryLevel(PagingMode mode, int width)
    {
        for (int level = 1; level <= (mode == PagingMode.Pae ? 2 : (int)mode); level++)
        {
            for (int bit = width - 1; bit <= 51; bit++)
            {
                using var machine = new TableMachine(mode, ProcessorFeatures.Everything with { PhysicalAddressBits = width });
                machine[1, 7] = 0x1_0000 | Bit.Pwu;
                machine[level, level == 1 ? 7 : 0] |= 1UL << bit;
                Translation answer = machine.Ask(0x7123);

                // The highest address bit that exists is no reserved bit; a table up there is no RAM and reads as ones.
                bool reservedHere = answer.Fault.Level == level && answer.Fault.Reason == FaultReason.ReservedBit;
                Assert.Equal(bit >= width, reservedHere);
                if (bit < width && level == 1) Assert.Equal((1UL << bit) | 0x1_0123, answer.Physical.Value);
            }
        }
    }

    [Theory]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule08_Bit63WithoutNxe_IsReservedAtEveryLevel(PagingMode mode)
    {
        for (int level = 1; level <= (mode == PagingMode.Pae ? 2 : (int)mode); level++)
        {
            using var machine = new TableMachine(mode);
            machine.SetNxe(false);
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine[level, level == 1 ? 7 : 0] |= Bit.Xd;
            machine.Faults(Pf.P | Pf.Rsvd, 0x7123);
        }
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 4)]
    [InlineData(PagingMode.FiveLevel, 4)]
    [InlineData(PagingMode.FiveLevel, 5)]
    public void Rule09_PsAboveTheDirectoryPointers_IsReserved(PagingMode mode, int level)
    {
        using var machine = new TableMachine(mode);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[level, 0] |= Bit.Ps;
        Assert.Equal(level, machine.Faults(Pf.P | Pf.Rsvd | Pf.W, 0x7123, Access.Write).Fault.Level);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Rule09_PsInPdpte_MapsOneGigabyteOrIsReserved(PagingMode mode)
    {
        using var has = new TableMachine(mode);
        has[3, 1] = 0x8000_0000 | Bit.Ps | Bit.Pwu;
        Assert.Equal(PageSize.Size1G, has.Maps(0x9234_5678, 0x5234_5678).PageSize);

        using var lacks = new TableMachine(mode, TableMachine.Features46 with { OneGigabytePages = false });

        // Who takes it for a table finds one, and a page below.
        lacks[3, 1] = TableMachine.Table(2) | Bit.Ps | Bit.Pwu;
        lacks[1, 7] = 0x1_0000 | Bit.Pwu;
        Assert.Equal(3, lacks.Faults(Pf.P | Pf.Rsvd, 0x4000_7123).Fault.Level);
    }

    [Theory]
    [InlineData(3, 13, 29)]
    [InlineData(2, 13, 20)]
    public void Rule09_FrameBitsBelowALargePage_AreReservedExceptPat(int level, int low, int high)
    {
        for (int bit = 12; bit <= high + 1; bit++)
        {
            using var machine = new TableMachine();
            machine[level, 1] = (1UL << bit) | Bit.Ps | Bit.Pwu;
            ulong linear = level == 3 ? 0x4000_0000UL : 0x20_0000;
            if (bit >= low && bit <= high) machine.Faults(Pf.P | Pf.Rsvd, linear);
            else machine.Maps(bit == 12 ? 0 : 1UL << bit, linear);
        }
    }

    [Theory]
    [InlineData(NonLeafBit8.Ignored, 0)]
    [InlineData(NonLeafBit8.ReservedInPml4, 4)]
    [InlineData(NonLeafBit8.ReservedInPml4AndPdpt, 3)]
    public void Rule10_Bit8OfNonLeafEntries_IsAMatterOfTheProcessor(NonLeafBit8 rule, int lowestReservedLevel)
    {
        for (int level = 2; level <= 5; level++)
        {
            using var machine = new TableMachine(PagingMode.FiveLevel, TableMachine.Features46 with { NonLeafBit8 = rule });
            machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.G;
            machine[level, 0] |= Bit.G;
            if (lowestReservedLevel != 0 && level >= lowestReservedLevel) machine.Faults(Pf.P | Pf.Rsvd, 0x7123);
            else machine.Maps(0x1_0123, 0x7123);
        }
    }

    [Fact]
    public void Rule10_Bit8OfLargeLeaves_IsGlobalForEveryVendor()
    {
        using var machine = new TableMachine(features: TableMachine.Features46 with { NonLeafBit8 = NonLeafBit8.ReservedInPml4AndPdpt });
        machine[3, 1] = 0x8000_0000 | Bit.Ps | Bit.Pwu | Bit.G;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu | Bit.G;
        machine.Maps(0x9234_5678, 0x5234_5678);
        machine.Maps(0x61_2345, 0x21_2345);
    }

    [Fact]
    public void Rule10_Presets_FollowTheirVendor()
    {
        using var amd = new TableMachine(features: ProcessorFeatures.Zen4);
        using var intel = new TableMachine(features: ProcessorFeatures.SapphireRapids);
        foreach (TableMachine machine in (TableMachine[])[amd, intel])
        {
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine[4, 0] |= Bit.G;
        }

        amd.Faults(Pf.P | Pf.Rsvd, 0x7123);
        intel.Maps(0x1_0123, 0x7123);
    }

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Rule12_NotPresentAbove_WinsOverReservedBelow(Access access, Privilege privilege, int accessBits)
    {
        for (int absent = 2; absent <= 5; absent++)
        {
            using var machine = new TableMachine(PagingMode.FiveLevel);
            machine[1, 7] = 0x1_0000 | (1UL << 50) | Bit.P;
            for (int level = 2; level < absent; level++) machine[level, 0] |= 1UL << 50;
            machine[absent, 0] &= ~Bit.P;
            Assert.Equal(absent, machine.Faults(accessBits, 0x7123, access, privilege).Fault.Level);
        }
    }

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Rule12_ReservedAbove_WinsOverNotPresentBelow(Access access, Privilege privilege, int accessBits)
    {
        for (int bad = 2; bad <= 5; bad++)
        {
            using var machine = new TableMachine(PagingMode.FiveLevel);
            machine[bad, 0] |= 1UL << 50;
            if (bad > 2) machine[bad - 1, 0] = 0;
            Assert.Equal(bad, machine.Faults(Pf.P | Pf.Rsvd | accessBits, 0x7123, access, privilege).Fault.Level);
        }
    }

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Rule12_NotPresentBelow_WinsOverRightsRefusedAbove(Access access, Privilege privilege, int accessBits)
    {
        using var machine = new TableMachine(PagingMode.FiveLevel);
        for (int level = 2; level <= 5; level++) machine[level, 0] = TableMachine.Table(level - 1) | Bit.P | Bit.Xd;
        machine.Faults(accessBits, 0x7123, access, privilege);
    }

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Rule12_ReservedLeaf_WinsOverEveryRight(Access access, Privilege privilege, int accessBits)
    {
        using var machine = new TableMachine(PagingMode.FiveLevel);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(uint.MaxValue);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(uint.MaxValue));
        machine[1, 7] = 0x1_0000 | (1UL << 50) | Bit.P | Bit.Xd | Bit.Key(3);

        // Neither the key nor U/S, R/W or XD adds a bit: the walk ended at the reserved bit.
        machine.Faults(Pf.P | Pf.Rsvd | accessBits, 0x7123, access, privilege);
    }

    [Fact]
    public void Rule12_SeveralViolations_AllStandInTheErrorCode()
    {
        using var machine = new TableMachine();
        machine.SetCr4(Cr4.PkeBit | Cr4.SmepBit | Cr4.SmapBit);
        machine.Mmu.WritePkru(0b11 << (2 * 5));
        machine[1, 7] = 0x1_0000 | Bit.P | Bit.Xd;
        machine[1, 8] = 0x1_0000 | Bit.P | Bit.U | Bit.Xd | Bit.Key(5);
        machine.Faults(Pf.P | Pf.W | Pf.U, 0x7123, Access.Write, Privilege.User);
        machine.Faults(Pf.P | Pf.U | Pf.I, 0x7123, Access.Execute, Privilege.User);
        machine.Faults(Pf.P | Pf.W | Pf.U | Pf.Pk, 0x8123, Access.Write, Privilege.User);
        machine.Faults(Pf.P | Pf.W | Pf.Pk, 0x8123, Access.Write);
        machine.Faults(Pf.P | Pf.I, 0x8123, Access.Execute);
        machine.Faults(Pf.P | Pf.I | Pf.U, 0x8123, Access.Execute, Privilege.User);
    }
}
