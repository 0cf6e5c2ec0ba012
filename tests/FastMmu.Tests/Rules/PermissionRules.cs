using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>R/W, U/S, XD along the path; WP, SMEP, SMAP, keys and shadow stacks on top; the same with and without caches.</summary>
public sealed class PermissionRules
{
    private const ulong Page = 0x7123;

    public static TheoryData<string> Caches => TableMachine.Caches;

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule16_WriteWithWpClear_SetsDirtyAndIsRefusedOnceWpIsSet(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pu;
        machine.Faults(Pf.P | Pf.W, Page, Access.Write);
        Assert.Equal(0UL, machine[1, 7] & Bit.D);

        machine.SetWp(false);
        machine.Maps(0x1_0123, Page, Access.Write);
        Assert.Equal(0x1_0000 | Bit.Pu | Bit.A | Bit.D, machine[1, 7]);

        // What WP=0 let through is cached as it is: it does not open the page for anyone else.
        machine.Faults(Pf.P | Pf.W | Pf.U, Page, Access.Write, Privilege.User);
        machine.SetWp(true);
        machine.Faults(Pf.P | Pf.W, Page, Access.Write);
        machine.Faults(Pf.P | Pf.W, Page, Access.Write, Privilege.ImplicitSupervisor);
        machine.SetWp(false);
        machine.Maps(0x1_0123, Page, Access.Write);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule16_SecondAliasOfAPage_HasItsOwnDirtyBit(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pu;
        machine[1, 8] = 0x1_0000 | Bit.Pw;
        machine.SetWp(false);
        machine.Maps(0x1_0123, Page, Access.Write);
        Assert.Equal(0UL, machine[1, 8] & (Bit.A | Bit.D));
        machine.Maps(0x1_0123, 0x8123);
        Assert.Equal(0UL, machine[1, 8] & Bit.D);
        machine.SetWp(true);
        machine.Maps(0x1_0123, 0x8123, Access.Write);
        Assert.Equal(Bit.A | Bit.D, machine[1, 8] & (Bit.A | Bit.D));
        machine.Faults(Pf.P | Pf.W, Page, Access.Write);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule16_LargePageUnderReadOnlyDirectories_TracksDirtyAtTheLeaf(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[3, 0] &= ~Bit.W;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu;
        machine.SetWp(false);
        machine.Maps(0x61_2345, 0x21_2345);
        Assert.Equal(0UL, machine[2, 1] & Bit.D);
        machine.Maps(0x61_2345, 0x21_2345, Access.Write);
        Assert.Equal(Bit.D, machine[2, 1] & Bit.D);
        machine.SetWp(true);
        machine.Faults(Pf.P | Pf.W, 0x21_2345, Access.Write);
    }

    /// <summary>One page directory below two PDPTEs: every order of asking must see each path's own rights.</summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule17_TableReachedByTwoPaths_HasTheRightsOfEachPath(string caches)
    {
        const ulong second = 0x4000_0000;
        foreach (bool permissiveFirst in (bool[])[true, false])
        {
            using TableMachine machine = FourLevel(caches);
            machine[3, 1] = TableMachine.Table(2) | Bit.P | Bit.Xd;
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu;
            machine[1, 8] = 0x2_0000 | Bit.Pwu;
            if (permissiveFirst) AskPermissive();
            AskRestricted();
            AskPermissive();

            void AskPermissive()
            {
                foreach (Access access in (Access[])[Access.Write, Access.Execute])
                {
                    machine.Maps(0x1_0123, Page, access, Privilege.User);
                    machine.Maps(0x61_2345, 0x21_2345, access, Privilege.User);
                }
            }

            void AskRestricted()
            {
                // The page at 8000 was never asked for: on this path only the directory may be remembered.
                foreach (ulong linear in (ulong[])[Page, 0x21_2345, 0x8123])
                {
                    Assert.Equal(Rights.Read, machine.Ask(second | linear).Rights);
                    machine.Faults(Pf.P | Pf.W, second | linear, Access.Write);
                    machine.Faults(Pf.P | Pf.U, second | linear, Access.Read, Privilege.User);
                    machine.Faults(Pf.P | Pf.I, second | linear, Access.Execute);
                }
            }
        }
    }

    [Theory]
    [InlineData(Bit.W, Access.Write, Privilege.User, Pf.P | Pf.W | Pf.U)]
    [InlineData(Bit.U, Access.Read, Privilege.User, Pf.P | Pf.U)]
    [InlineData(Bit.Xd, Access.Execute, Privilege.User, Pf.P | Pf.I | Pf.U)]
    public void Rule17_RightTakenAtAnyLevel_IsTakenFromThePath(ulong bit, Access access, Privilege privilege, int error)
    {
        for (int level = 1; level <= 5; level++)
        {
            using var machine = new TableMachine(PagingMode.FiveLevel);
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine.Maps(0x1_0123, Page, access, privilege);
            machine.Mmu.InvalidateAll();
            machine[level, level == 1 ? 7 : 0] ^= bit;
            machine.Faults(error, Page, access, privilege);
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule18_SmepWithWpClear_LetsTheWriteThroughAndRefusesTheFetch(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pu;
        machine.SetCr4(Cr4.SmepBit);
        machine.SetWp(false);
        machine.Maps(0x1_0123, Page, Access.Write);
        machine.Faults(Pf.P | Pf.I, Page, Access.Execute);
        machine.Maps(0x1_0123, Page, Access.Execute, Privilege.User);

        machine.ClearCr4(Cr4.SmepBit);
        machine.Maps(0x1_0123, Page, Access.Execute);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule18_Smep_LooksAtUserPagesOnly(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.SmepBit);
        machine[1, 7] = 0x1_0000 | Bit.Pw;
        machine.Maps(0x1_0123, Page, Access.Execute);
        machine.Faults(Pf.P | Pf.I | Pf.U, Page, Access.Execute, Privilege.User);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule19_Smap_CoversReadsAndWritesWhateverWpSays(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetCr4(Cr4.SmapBit);
        foreach (bool wp in (bool[])[true, false])
        {
            machine.SetWp(wp);
            machine.Faults(Pf.P, Page);
            machine.Faults(Pf.P | Pf.W, Page, Access.Write);
            machine.Maps(0x1_0123, Page, Access.Write, Privilege.User);
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule19_Smap_LeavesFetchesAlone(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetCr4(Cr4.SmapBit);
        machine.Maps(0x1_0123, Page, Access.Execute);
        machine.Faults(Pf.P, Page);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule19_Ac_ExemptsExplicitAccessesBelowCpl3(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.SetCr4(Cr4.SmapBit);
        machine.Maps(0x1_0123, Page, Access.Read, Privilege.User);
        machine.Mmu.SetRFlags(RFlags.AcBit);
        foreach (int cpl in (int[])[0, 1, 2])
        {
            machine.Mmu.SetCpl(cpl);
            Assert.Equal(0x1_0123UL, machine.Mmu.Translate(Page, Access.Write).Physical.Value);
        }

        machine.Mmu.SetRFlags(0);
        machine.Faults(Pf.P, Page);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule19_ImplicitSupervisorAccess_IgnoresAcAtEveryCpl(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pw;
        machine.SetCr4(Cr4.SmapBit);
        machine.Mmu.SetRFlags(RFlags.AcBit);
        foreach (int cpl in (int[])[0, 3])
        {
            machine.Mmu.SetCpl(cpl);
            machine.Faults(Pf.P, Page, Access.Read, Privilege.ImplicitSupervisor);
            machine.Faults(Pf.P | Pf.W, Page, Access.Write, Privilege.ImplicitSupervisor);
            machine.Maps(0x2_0123, 0x8123, Access.Write, Privilege.ImplicitSupervisor);
        }
    }

    [Fact]
    public void Rule19_DescriptorLoadFromAUserPage_IsRefusedAtCpl3WithAcSet()
    {
        // The same through the door that the processor itself uses: a segment load reads the GDT as a supervisor.
        using var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Memory.Write(0x1_0008, 0x00cf_f300_0000_ffffUL);
        machine.Mmu.Segments.Gdtr = new(0x7000, 0xf);
        machine.Mmu.SetRFlags(RFlags.AcBit);
        machine.Mmu.SetCpl(3);
        Assert.True(machine.Mmu.Segments.TryLoad(SegmentRegister.DS, 0xb, out _));
        machine.SetCr4(Cr4.SmapBit);
        Assert.False(machine.Mmu.Segments.TryLoad(SegmentRegister.DS, 0xb, out MmuFault fault));
        Assert.Equal(Pf.P, fault.ErrorCode);
        Assert.Equal(0x7008UL, machine.Mmu.Cr2);
    }

    /// <summary>Which register is asked: PKRU for pages that are a user's along the whole path, IA32_PKRS for all others.</summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule20_KeyRegister_IsChosenByUserSupervisorOfTheWholePath(string caches)
    {
        for (int level = 0; level <= 4; level++)
        {
            using TableMachine machine = FourLevel(caches);
            machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
            machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
            bool user = level == 0;
            if (!user) machine[level, level == 1 ? 7 : 0] &= ~Bit.U;

            // Access-disable in the register of the page refuses every data access, whoever makes it; in the other it refuses none.
            machine.Mmu.WritePkru(user ? 1u << 10 : 0);
            Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(user ? 0 : 1u << 10));
            machine.Faults(Pf.P | Pf.Pk, Page);
            machine.Faults(Pf.P | Pf.Pk | Pf.W, Page, Access.Write);
            machine.Faults(Pf.P | Pf.Pk, Page, Access.Read, Privilege.ImplicitSupervisor);
            if (user) machine.Faults(Pf.P | Pf.Pk | Pf.U, Page, Access.Read, Privilege.User);

            machine.Mmu.WritePkru(user ? 0 : 1u << 10);
            Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(user ? 1u << 10 : 0));
            machine.Maps(0x1_0123, Page);
            machine.Maps(0x1_0123, Page, Access.Write);
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule20_KeysOfNonLeafEntries_AreIgnored(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(0b11 << 6);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
        for (int level = 2; level <= 4; level++) machine[level, 0] |= Bit.Key(3);
        machine.Maps(0x1_0123, Page, Access.Write, Privilege.User);
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pwu | Bit.Key(3);
        machine.Faults(Pf.P | Pf.Pk, 0x21_2345);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule20_WriteDisable_BindsASupervisorOnlyWithWp(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(0b10 << 10);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(0b10 << 10));
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
        machine[1, 8] = 0x2_0000 | Bit.Pw | Bit.Key(5);
        machine.Maps(0x1_0123, Page);
        machine.Faults(Pf.P | Pf.Pk | Pf.W, Page, Access.Write);
        machine.Faults(Pf.P | Pf.Pk | Pf.W, 0x8123, Access.Write);

        machine.SetWp(false);
        machine.Maps(0x1_0123, Page, Access.Write);
        machine.Maps(0x2_0123, 0x8123, Access.Write);
        machine.Faults(Pf.P | Pf.Pk | Pf.W | Pf.U, Page, Access.Write, Privilege.User);

        // Access-disable does not care.
        machine.Mmu.WritePkru(0b01 << 10);
        machine.Faults(Pf.P | Pf.Pk, Page);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule20_Keys_NeverRefuseAFetch(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(uint.MaxValue);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(uint.MaxValue));
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
        machine[1, 8] = 0x2_0000 | Bit.Pw | Bit.Key(15);
        machine.Maps(0x1_0123, Page, Access.Execute, Privilege.User);
        machine.Maps(0x2_0123, 0x8123, Access.Execute);
        machine.Faults(Pf.P | Pf.I | Pf.U, 0x8123, Access.Execute, Privilege.User);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule20_KeyViolation_IsReportedBesideOthers(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.PkeBit | Cr4.SmapBit);
        machine.Mmu.WritePkru(0b10 << 10);
        machine[1, 7] = 0x1_0000 | Bit.Pu | Bit.Key(5);
        machine.Faults(Pf.P | Pf.W | Pf.U | Pf.Pk, Page, Access.Write, Privilege.User);
        machine.Faults(Pf.P | Pf.W | Pf.Pk, Page, Access.Write);
        machine.Faults(Pf.P, Page);

        // With the key's consent the rest remains.
        machine.Mmu.WritePkru(0);
        machine.Faults(Pf.P | Pf.W | Pf.U, Page, Access.Write, Privilege.User);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void Rule20_Keys_ExistOnlyInLongMode(PagingMode mode)
    {
        using var machine = new TableMachine(mode);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine.Mmu.WritePkru(uint.MaxValue);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(uint.MaxValue));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pw;
        machine.Maps(0x1_0123, Page, Access.Write, Privilege.User);
        machine.Maps(0x2_0123, 0x8123, Access.Write);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule21_WritingPkruOrPkrs_TakesEffectOnCachedTranslations(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
        machine[1, 8] = 0x2_0000 | Bit.Pw | Bit.Key(5);
        for (int round = 0; round < 3; round++)
        {
            machine.Mmu.WritePkru(0);
            Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(0));
            machine.Maps(0x1_0123, Page, Access.Write, Privilege.User);
            machine.Maps(0x2_0123, 0x8123, Access.Write);

            machine.Mmu.WritePkru(0b10 << 10);
            machine.Maps(0x1_0123, Page, Access.Read, Privilege.User);
            machine.Faults(Pf.P | Pf.W | Pf.U | Pf.Pk, Page, Access.Write, Privilege.User);
            machine.Maps(0x2_0123, 0x8123, Access.Write);

            Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(0b01 << 10));
            machine.Faults(Pf.P | Pf.Pk, 0x8123);
        }
    }

    [Fact]
    public void Rule21_WritingPkru_DropsNothing()
    {
        using var machine = new TableMachine(options: TableMachine.CachedBy("Zen 4"));
        machine.SetCr4(Cr4.PkeBit | Cr4.PksBit);
        machine[1, 7] = 0x1_0000 | Bit.Pwu | Bit.Key(5);
        machine.Maps(0x1_0123, Page);
        ulong walks = machine.Mmu.Statistics.Walks;
        machine.Mmu.WritePkru(0b11 << 4);
        Assert.Equal(MmuFault.None, machine.Mmu.WritePkrs(0b11 << 4));
        machine.Maps(0x1_0123, Page);
        Assert.Equal(walks, machine.Mmu.Statistics.Walks);
    }

    /// <summary>Every kind of page against every access that a processor with shadow stacks makes.</summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule22_ShadowStackPage_IsDirtyAndReadOnlyInTheLeafBelowWritableEntries(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.CetBit);
        machine[1, 1] = 0x1_0000 | Bit.Pu | Bit.D;
        machine[1, 2] = 0x1_0000 | Bit.P | Bit.D;
        machine[1, 3] = 0x1_0000 | Bit.Pu;
        machine[1, 4] = 0x1_0000 | Bit.Pwu | Bit.D;
        machine[2, 1] = TableMachine.Table(1) | Bit.Pu;
        machine[2, 2] = 0x60_0000 | Bit.Ps | Bit.Pu | Bit.D;

        ShadowStack(0x1000, Privilege.User, 0x1_0000);
        ShadowStack(0x2000, Privilege.Supervisor, 0x1_0000);
        ShadowStack(0x40_0000, Privilege.User, 0x60_0000);

        // A user's page for a supervisor and the reverse, a clean page, a writable page, and one below a read-only directory.
        NoShadowStack(0x1000, Privilege.Supervisor);
        NoShadowStack(0x2000, Privilege.User);
        NoShadowStack(0x3000, Privilege.User);
        NoShadowStack(0x4000, Privilege.User);
        NoShadowStack(0x20_1000, Privilege.User);

        void ShadowStack(ulong linear, Privilege privilege, ulong physical)
        {
            Assert.True(machine.Maps(physical, linear, Access.ShadowStackRead, privilege).Rights.HasFlag(Rights.ShadowStack));
            machine.Maps(physical, linear, Access.ShadowStackWrite, privilege);

            // Ordinary reads are free, ordinary writes are not.
            machine.Maps(physical, linear, Access.Read, privilege);
            machine.Faults(Pf.P | Pf.W | (privilege == Privilege.User ? Pf.U : 0), linear, Access.Write, privilege);
        }

        void NoShadowStack(ulong linear, Privilege privilege)
        {
            int user = privilege == Privilege.User ? Pf.U : 0;
            machine.Faults(Pf.P | Pf.Ss | user, linear, Access.ShadowStackRead, privilege);
            machine.Faults(Pf.P | Pf.Ss | Pf.W | user, linear, Access.ShadowStackWrite, privilege);
        }
    }

    [Fact]
    public void Rule22_ShadowStackAccessToAnAbsentPage_HasBit6WithoutP()
    {
        using var machine = new TableMachine();
        machine.SetCr4(Cr4.CetBit);
        machine.Faults(Pf.Ss | Pf.U, Page, Access.ShadowStackRead, Privilege.User);
        machine.Faults(Pf.Ss | Pf.W, Page, Access.ShadowStackWrite);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule22_Cet_KeepsWpSetSoThatReadOnlyPagesNeverBecomeDirty(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine.SetCr4(Cr4.CetBit);
        machine[1, 3] = 0x1_0000 | Bit.Pu;
        machine.Faults(Pf.P | Pf.W, 0x3000, Access.Write);
        machine.Faults(Pf.P | Pf.W | Pf.Ss | Pf.U, 0x3000, Access.ShadowStackWrite, Privilege.User);
        Assert.Equal(0UL, machine[1, 3] & Bit.D);

        Assert.Equal(ExceptionVector.GeneralProtection, machine.Mmu.WriteCr0(machine.Mmu.State.Cr0.Value & ~Cr0.WpBit).Vector);
        machine.ClearCr4(Cr4.CetBit);
        machine.SetWp(false);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.Mmu.WriteCr4(machine.Mmu.State.Cr4.Value | Cr4.CetBit).Vector);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule22_TurningCetOnOrOff_ChangesWhatACachedPageIs(string caches)
    {
        using TableMachine machine = FourLevel(caches);
        machine[1, 1] = 0x1_0000 | Bit.Pu | Bit.D;
        Assert.False(machine.Maps(0x1_0000, 0x1000, Access.Read, Privilege.User).Rights.HasFlag(Rights.ShadowStack));
        machine.SetCr4(Cr4.CetBit);
        Assert.True(machine.Maps(0x1_0000, 0x1000, Access.ShadowStackWrite, Privilege.User).Rights.HasFlag(Rights.ShadowStack));
        machine.ClearCr4(Cr4.CetBit);
        Assert.False(machine.Maps(0x1_0000, 0x1000, Access.Read, Privilege.User).Rights.HasFlag(Rights.ShadowStack));
    }

    private static TableMachine FourLevel(string caches) => new(options: TableMachine.CachedBy(caches));
}
