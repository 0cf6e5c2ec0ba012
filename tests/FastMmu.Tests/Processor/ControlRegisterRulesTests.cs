using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Processor;

/// <summary>Which writes of CR0, CR3, CR4 and EFER raise #GP(0), and what an accepted one implies.</summary>
public sealed class ControlRegisterRulesTests
{
    private const ulong Protected = Cr0.PeBit | Cr0.EtBit;
    private const ulong Paged = Protected | Cr0.PgBit;
    private static readonly ProcessorFeatures All = ProcessorFeatures.Everything with { PhysicalAddressBits = 46 };

    private static PagingState LongMode => new(All) { Cr0 = Paged | Cr0.WpBit, Cr3 = 0x1000, Cr4 = Cr4.PaeBit, Efer = Efer.LmeBit | Efer.LmaBit };

    private static PagingState Pae => new(All) { Cr0 = Paged | Cr0.WpBit, Cr3 = 0x1000, Cr4 = Cr4.PaeBit };

    private static PagingState TwoLevel => new(All) { Cr0 = Paged | Cr0.WpBit, Cr3 = 0x1000 };

    private static PagingState Unpaged => new(All) { Cr0 = Protected };

    public static TheoryData<string, ulong> RefusedCr0 => new()
    {
        { "PG without PE", Cr0.PgBit },
        { "NW without CD", Protected | Cr0.NwBit },
        { "bit 32", Protected | (1UL << 32) },
        { "bit 63", Protected | (1UL << 63) },
    };

    [Theory]
    [MemberData(nameof(RefusedCr0))]
    public void WriteCr0_ImpossibleValue_IsRefused(string why, ulong value)
    {
        foreach (PagingState before in (PagingState[])[LongMode, Pae, TwoLevel, Unpaged])
        {
            PagingState state = before;
            RefusesCr0(ref state, value, because: why);
        }
    }

    [Theory]
    [InlineData(Protected)]
    [InlineData(Protected | Cr0.CdBit)]
    [InlineData(Protected | Cr0.CdBit | Cr0.NwBit)]
    [InlineData(Cr0.EtBit)]
    [InlineData(Paged | Cr0.WpBit | Cr0.AmBit | Cr0.NeBit | Cr0.TsBit | Cr0.EmBit | Cr0.MpBit)]
    public void WriteCr0_PossibleValue_IsStored(ulong value)
    {
        PagingState state = Unpaged;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr0(ref state, value).Fault);
        Assert.Equal(value, state.Cr0.Value);
    }

    [Fact]
    public void WriteCr0_UndefinedBits_AreIgnoredAndEtStaysSet()
    {
        PagingState state = Unpaged;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr0(ref state, Cr0.PeBit | (1UL << 6) | (1UL << 17) | (1UL << 28)).Fault);
        Assert.Equal(Protected, state.Cr0.Value);
    }

    [Fact]
    public void WriteCr0_PagingOnWithLme_ActivatesLongMode()
    {
        PagingState state = Unpaged;
        state.Cr4 = Cr4.PaeBit;
        state.Efer = Efer.LmeBit;
        RegisterWriteOutcome outcome = ControlRegisterRules.WriteCr0(ref state, Paged);
        Assert.Equal(MmuFault.None, outcome.Fault);
        Assert.False(outcome.LoadsPdptes);
        Assert.True(state.Efer.Lma);
        Assert.Equal(PagingMode.FourLevel, state.Mode);

        outcome = ControlRegisterRules.WriteCr0(ref state, Protected);
        Assert.Equal(MmuFault.None, outcome.Fault);
        Assert.Equal(CacheEffect.Everything, outcome.Cache);
        Assert.Equal(Efer.LmeBit, state.Efer.Value);
        Assert.Equal(PagingMode.None, state.Mode);
    }

    [Fact]
    public void WriteCr0_PagingOnWithLmeButWithoutPae_IsRefused()
    {
        PagingState state = Unpaged;
        state.Efer = Efer.LmeBit;
        RefusesCr0(ref state, Paged, because: "LME without PAE");
    }

    [Fact]
    public void WriteCr0_PagingSwitchedIn64BitMode_IsRefused()
    {
        PagingState on = LongMode;
        RefusesCr0(ref on, Protected | Cr0.WpBit, in64BitMode: true, because: "64-bit mode");
        PagingState off = Unpaged;
        off.Cr4 = Cr4.PaeBit;
        off.Efer = Efer.LmeBit;
        RefusesCr0(ref off, Paged, in64BitMode: true, because: "CS.L=1");

        // Other bits are free there.
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr0(ref on, Paged, in64BitMode: true).Fault);
        Assert.False(on.Cr0.Wp);
    }

    [Fact]
    public void WriteCr0_PagingOffWithPcide_IsRefused()
    {
        PagingState state = LongMode;
        state.Cr4 = Cr4.PaeBit | Cr4.PcideBit;
        RefusesCr0(ref state, Protected | Cr0.WpBit, because: "PCIDE");
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit).Fault);
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr0(ref state, Protected | Cr0.WpBit).Fault);
    }

    [Fact]
    public void WriteCr0_WpOffWithCet_IsRefused()
    {
        PagingState state = LongMode;
        state.Cr4 = Cr4.PaeBit | Cr4.CetBit;
        RefusesCr0(ref state, Paged, because: "CET needs WP");
    }

    [Theory]
    [InlineData(Cr0.CdBit, true)]
    [InlineData(Cr0.CdBit | Cr0.NwBit, true)]
    [InlineData(Cr0.WpBit, false)]
    [InlineData(Cr0.TsBit, false)]
    [InlineData(Cr0.AmBit, false)]
    [InlineData(0, false)]
    public void WriteCr0_InPae_LoadsPdptesIfPgCdOrNwTurn(ulong turned, bool loads)
    {
        PagingState state = Pae;
        Assert.Equal(loads, ControlRegisterRules.WriteCr0(ref state, state.Cr0.Value ^ turned).LoadsPdptes);
        foreach (PagingState other in (PagingState[])[LongMode, TwoLevel])
        {
            state = other;
            Assert.False(ControlRegisterRules.WriteCr0(ref state, state.Cr0.Value ^ turned).LoadsPdptes);
        }
    }

    [Fact]
    public void WriteCr0_PaePagingOnOrOff_LoadsOnlyWhenOn()
    {
        PagingState state = Pae;
        Assert.False(ControlRegisterRules.WriteCr0(ref state, Protected).LoadsPdptes);
        Assert.True(ControlRegisterRules.WriteCr0(ref state, Paged).LoadsPdptes);
    }

    [Fact]
    public void WriteCr0_WpAlone_DropsNothing()
    {
        PagingState state = LongMode;
        Assert.Equal(CacheEffect.None, ControlRegisterRules.WriteCr0(ref state, Paged).Cache);
        Assert.Equal(CacheEffect.None, ControlRegisterRules.WriteCr0(ref state, Paged | Cr0.WpBit).Cache);
    }

    [Fact]
    public void WriteCr3_OutsideLongMode_Keeps32BitsAndRefusesNothing()
    {
        foreach (PagingState before in (PagingState[])[Pae, TwoLevel, Unpaged])
        {
            PagingState state = before;
            RegisterWriteOutcome outcome = ControlRegisterRules.WriteCr3(ref state, 0xffff_ffff_1234_5fff);
            Assert.Equal(MmuFault.None, outcome.Fault);
            Assert.Equal(0x1234_5fffUL, state.Cr3.Value);
            Assert.Equal(CacheEffect.CurrentPcid, outcome.Cache);
            Assert.Equal(before.Mode == PagingMode.Pae, outcome.LoadsPdptes);
        }
    }

    [Theory]
    [InlineData(36)]
    [InlineData(46)]
    [InlineData(52)]
    public void WriteCr3_InLongMode_RefusesBitsBeyondMaxPhyAddr(int width)
    {
        for (int bit = 12; bit < 64; bit++)
        {
            PagingState state = LongMode;
            state.Features = All with { PhysicalAddressBits = width, Lam = false };
            MmuFault fault = ControlRegisterRules.WriteCr3(ref state, 1UL << bit).Fault;
            Assert.Equal(bit >= width, fault.IsFault);
            Assert.Equal(bit >= width ? 0x1000UL : 1UL << bit, state.Cr3.Value);
        }
    }

    [Fact]
    public void WriteCr3_LamBits_ExistWithLamOnly()
    {
        foreach (bool lam in (bool[])[true, false])
        {
            PagingState state = LongMode;
            state.Features = All with { Lam = lam };
            Assert.Equal(!lam, ControlRegisterRules.WriteCr3(ref state, Cr3.LamU48Bit | Cr3.LamU57Bit).Fault.IsFault);
            Assert.Equal(lam, state.Cr3.LamU48);
        }
    }

    [Fact]
    public void WriteCr3_NoFlushBit_NeedsPcideAndIsNotStored()
    {
        PagingState state = LongMode;
        Assert.Equal(ExceptionVector.GeneralProtection, ControlRegisterRules.WriteCr3(ref state, Cr3.NoFlushBit | 0x2000).Fault.Vector);
        state.Cr4 = Cr4.PaeBit | Cr4.PcideBit;
        RegisterWriteOutcome keep = ControlRegisterRules.WriteCr3(ref state, Cr3.NoFlushBit | 0x2005);
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, CacheEffect.None), keep);
        Assert.Equal(0x2005UL, state.Cr3.Value);
        Assert.Equal(5, state.Pcid);
        Assert.Equal(CacheEffect.CurrentPcid, ControlRegisterRules.WriteCr3(ref state, 0x2005).Cache);
    }

    [Fact]
    public void WriteCr4_BitsThatTheProcessorLacks_AreRefusedOneByOne()
    {
        (ulong Bit, ProcessorFeatures Without)[] bits =
        [
            (Cr4.PseBit, All with { Pse = false }),
            (Cr4.PaeBit, All with { Pae = false }),
            (Cr4.PgeBit, All with { GlobalPages = false }),
            (Cr4.La57Bit, All with { La57 = false }),
            (Cr4.SmepBit, All with { Smep = false }),
            (Cr4.SmapBit, All with { Smap = false }),
            (Cr4.PkeBit, All with { Pku = false }),
            (Cr4.PksBit, All with { Pks = false }),
            (Cr4.CetBit, All with { ShadowStacks = false }),
            (Cr4.LassBit, All with { Lass = false }),
            (Cr4.LamSupBit, All with { Lam = false }),
        ];
        foreach ((ulong bit, ProcessorFeatures without) in bits)
        {
            var state = new PagingState(All) { Cr0 = Protected | Cr0.WpBit };
            Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr4(ref state, bit).Fault);
            Assert.Equal(bit, state.Cr4.Value);
            state = new PagingState(without) { Cr0 = Protected | Cr0.WpBit };
            RefusesCr4(ref state, bit);
        }

        PagingState pcid = LongMode;
        pcid.Features = All with { Pcid = false };
        RefusesCr4(ref pcid, Cr4.PaeBit | Cr4.PcideBit);
    }

    [Theory]
    [InlineData(15)]
    [InlineData(26)]
    [InlineData(32)]
    [InlineData(63)]
    public void WriteCr4_UndefinedBit_IsRefused(int bit)
    {
        PagingState state = LongMode;
        RefusesCr4(ref state, Cr4.PaeBit | (1UL << bit));
    }

    [Fact]
    public void WriteCr4_PaeAndLa57_AreFixedInLongMode()
    {
        PagingState state = LongMode;
        RefusesCr4(ref state, 0);
        RefusesCr4(ref state, Cr4.PaeBit | Cr4.La57Bit);
        state.Cr4 = Cr4.PaeBit | Cr4.La57Bit;
        RefusesCr4(ref state, Cr4.PaeBit);

        PagingState before = Unpaged;
        before.Efer = Efer.LmeBit;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr4(ref before, Cr4.PaeBit | Cr4.La57Bit).Fault);
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr0(ref before, Paged).Fault);
        Assert.Equal(PagingMode.FiveLevel, before.Mode);
    }

    [Fact]
    public void WriteCr4_Pcide_NeedsLongModeAndPcidZero()
    {
        foreach (PagingState before in (PagingState[])[Pae, TwoLevel, Unpaged])
        {
            PagingState state = before;
            RefusesCr4(ref state, state.Cr4.Value | Cr4.PcideBit);
        }

        PagingState busy = LongMode;
        busy.Cr3 = 0x1001;
        RefusesCr4(ref busy, Cr4.PaeBit | Cr4.PcideBit);
        busy.Cr3 = 0x1000;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr4(ref busy, Cr4.PaeBit | Cr4.PcideBit).Fault);

        // Once set it stays settable whatever the PCID is, and may be cleared.
        busy.Cr3 = 0x1007;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteCr4(ref busy, Cr4.PaeBit | Cr4.PcideBit | Cr4.SmapBit).Fault);
        RegisterWriteOutcome cleared = ControlRegisterRules.WriteCr4(ref busy, Cr4.PaeBit);
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, CacheEffect.Everything), cleared);
    }

    [Fact]
    public void WriteCr4_CetWithoutWp_IsRefused()
    {
        PagingState state = LongMode;
        state.Cr0 = Paged;
        RefusesCr4(ref state, Cr4.PaeBit | Cr4.CetBit);
    }

    [Theory]
    [InlineData(Cr4.PgeBit, CacheEffect.Everything, CacheEffect.Everything)]
    [InlineData(Cr4.PseBit, CacheEffect.Everything, CacheEffect.Everything)]
    [InlineData(Cr4.CetBit, CacheEffect.Everything, CacheEffect.Everything)]
    [InlineData(Cr4.PcideBit, CacheEffect.None, CacheEffect.Everything)]
    [InlineData(Cr4.SmepBit, CacheEffect.Everything, CacheEffect.None)]
    [InlineData(Cr4.SmapBit, CacheEffect.None, CacheEffect.None)]
    [InlineData(Cr4.PkeBit, CacheEffect.None, CacheEffect.None)]
    [InlineData(Cr4.TsdBit, CacheEffect.None, CacheEffect.None)]
    public void WriteCr4_TurningABit_DropsWhatTheArchitectureAsks(ulong bit, CacheEffect on, CacheEffect off)
    {
        PagingState state = LongMode;
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, on), ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit));
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None), ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit));
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, off), ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit));
    }

    [Theory]
    [InlineData(Cr4.PgeBit, true)]
    [InlineData(Cr4.PseBit, true)]
    [InlineData(Cr4.SmepBit, true)]
    [InlineData(Cr4.SmapBit, false)]
    [InlineData(Cr4.OsFxsrBit, false)]
    public void WriteCr4_InPae_LoadsPdptesIfPaePgePseOrSmepTurn(ulong bit, bool loads)
    {
        PagingState state = Pae;
        Assert.Equal(loads, ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit).LoadsPdptes);
        Assert.False(ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit).LoadsPdptes);
        Assert.Equal(loads, ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit).LoadsPdptes);

        state = LongMode;
        Assert.False(ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit).LoadsPdptes);
        state = Unpaged;
        Assert.False(ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit | bit).LoadsPdptes);
    }

    [Fact]
    public void WriteCr4_PaeWhilePagingIsOn_SwitchesModeAndDropsEverything()
    {
        PagingState state = TwoLevel;
        RegisterWriteOutcome on = ControlRegisterRules.WriteCr4(ref state, Cr4.PaeBit);
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, CacheEffect.Everything, LoadsPdptes: true), on);
        Assert.Equal(PagingMode.Pae, state.Mode);
        RegisterWriteOutcome off = ControlRegisterRules.WriteCr4(ref state, 0);
        Assert.Equal(new RegisterWriteOutcome(MmuFault.None, CacheEffect.Everything), off);
        Assert.Equal(PagingMode.TwoLevel, state.Mode);
    }

    [Fact]
    public void WriteEfer_Lma_IsReadOnly()
    {
        PagingState state = Unpaged;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteEfer(ref state, Efer.LmeBit | Efer.LmaBit).Fault);
        Assert.Equal(Efer.LmeBit, state.Efer.Value);
        state = LongMode;
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteEfer(ref state, Efer.LmeBit | Efer.SceBit).Fault);
        Assert.Equal(Efer.LmeBit | Efer.LmaBit | Efer.SceBit, state.Efer.Value);
    }

    [Fact]
    public void WriteEfer_LmeWhilePagingIsOn_IsRefused()
    {
        foreach (PagingState before in (PagingState[])[Pae, TwoLevel, LongMode])
        {
            PagingState state = before;
            RefusesEfer(ref state, state.Efer.Value ^ Efer.LmeBit);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(16)]
    [InlineData(63)]
    public void WriteEfer_UndefinedBit_IsRefused(int bit)
    {
        foreach (ProcessorVendor vendor in Enum.GetValues<ProcessorVendor>())
        {
            PagingState state = Unpaged;
            state.Features = All with { Vendor = vendor };
            RefusesEfer(ref state, 1UL << bit);
        }
    }

    [Theory]
    [InlineData(Efer.SvmeBit)]
    [InlineData(Efer.LmsleBit)]
    [InlineData(Efer.FfxsrBit)]
    [InlineData(Efer.TceBit)]
    public void WriteEfer_BitsOfAmd_ExistThereOnly(ulong bit)
    {
        PagingState intel = Unpaged;
        RefusesEfer(ref intel, bit);
        PagingState amd = Unpaged;
        amd.Features = All with { Vendor = ProcessorVendor.Amd };
        Assert.Equal(MmuFault.None, ControlRegisterRules.WriteEfer(ref amd, bit).Fault);
        Assert.Equal(bit, amd.Efer.Value);
    }

    [Fact]
    public void WriteEfer_BitsOfMissingFeatures_AreRefused()
    {
        PagingState state = Unpaged;
        state.Features = All with { ExecuteDisable = false };
        RefusesEfer(ref state, Efer.NxeBit);
        state.Features = All with { LongMode = false };
        RefusesEfer(ref state, Efer.LmeBit);
    }

    [Fact]
    public void WriteEfer_Nxe_DropsEverythingWhenItTurns()
    {
        PagingState state = LongMode;
        Assert.Equal(CacheEffect.Everything, ControlRegisterRules.WriteEfer(ref state, Efer.LmeBit | Efer.NxeBit).Cache);
        Assert.Equal(CacheEffect.None, ControlRegisterRules.WriteEfer(ref state, Efer.LmeBit | Efer.NxeBit).Cache);
        Assert.Equal(CacheEffect.Everything, ControlRegisterRules.WriteEfer(ref state, Efer.LmeBit).Cache);
    }

    [Fact]
    public void Inconsistency_StatesThatSoftwareReaches_HaveNone()
    {
        foreach (PagingState state in (PagingState[])[LongMode, Pae, TwoLevel, Unpaged, new(All)])
        {
            Assert.Null(ControlRegisterRules.Inconsistency(in state));
        }
    }

    public static TheoryData<string, Func<PagingState>> Inconsistent => new()
    {
        { "CR0 has bits above 31", () => LongMode with { Cr0 = Paged | (1UL << 32) } },
        { "CR0.PG without CR0.PE", () => TwoLevel with { Cr0 = Cr0.PgBit } },
        { "CR0.NW without CR0.CD", () => Unpaged with { Cr0 = Protected | Cr0.NwBit } },
        { "CR4 has bits this processor does not have: 0x8000", () => Unpaged with { Cr4 = 1 << 15 } },
        { "EFER.LMA is not LME and CR0.PG", () => LongMode with { Efer = Efer.LmeBit } },
        { "EFER.LMA is not LME and CR0.PG", () => Pae with { Efer = Efer.LmaBit } },
        { "EFER.LMA is not LME and CR0.PG", () => Unpaged with { Efer = Efer.LmeBit | Efer.LmaBit } },
        { "long mode without CR4.PAE", () => LongMode with { Cr4 = 0 } },
        { "CR4.PCIDE outside long mode", () => Pae with { Cr4 = Cr4.PaeBit | Cr4.PcideBit } },
        { "CR4.CET without CR0.WP", () => LongMode with { Cr0 = Paged, Cr4 = Cr4.PaeBit | Cr4.CetBit } },
        { "EFER.NXE without execute-disable", () => Pae with { Features = All with { ExecuteDisable = false }, Efer = Efer.NxeBit } },
        { "EFER.LME without long mode", () => LongMode with { Features = All with { LongMode = false } } },
        { "CR3 has reserved bits: 0x400000000000", () => LongMode with { Cr3 = 1UL << 46 } },
        { "CR3 has reserved bits: 0x100000000", () => Pae with { Cr3 = 1UL << 32 } },
        { "CR3 has reserved bits: 0x8000000000000000", () => LongMode with { Cr3 = 1UL << 63 } },
        { "CPL is not 0 to 3", () => LongMode with { Cpl = 4 } },
        { "CPL is not 0 to 3", () => LongMode with { Cpl = -1 } },
    };

    [Theory]
    [MemberData(nameof(Inconsistent), DisableDiscoveryEnumeration = true)]
    public void Inconsistency_StatesThatNoProcessorHolds_SayWhy(string why, Func<PagingState> make)
    {
        PagingState state = make();
        Assert.Equal(why, ControlRegisterRules.Inconsistency(in state));
    }

    private static void RefusesCr0(ref PagingState state, ulong value, bool in64BitMode = false, string because = "")
    {
        PagingState before = state;
        Refused(ControlRegisterRules.WriteCr0(ref state, value, in64BitMode), in before, in state, because);
    }

    private static void RefusesCr4(ref PagingState state, ulong value)
    {
        PagingState before = state;
        Refused(ControlRegisterRules.WriteCr4(ref state, value), in before, in state, $"CR4={value:x}");
    }

    private static void RefusesEfer(ref PagingState state, ulong value)
    {
        PagingState before = state;
        Refused(ControlRegisterRules.WriteEfer(ref state, value), in before, in state, $"EFER={value:x}");
    }

    private static void Refused(RegisterWriteOutcome outcome, in PagingState before, in PagingState after, string because)
    {
        Assert.True(outcome.Fault.IsFault, because);
        Assert.Equal("#GP(0): register write refused", outcome.Fault.ToString());
        Assert.Equal(CacheEffect.None, outcome.Cache);
        Assert.False(outcome.LoadsPdptes);
        Assert.Equal((before.Cr0, before.Cr3, before.Cr4, before.Efer), (after.Cr0, after.Cr3, after.Cr4, after.Efer));
    }
}
