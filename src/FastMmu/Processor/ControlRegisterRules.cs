namespace FastMmu.Processor;

/// <summary>What a register write does to cached translations.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Operations that Invalidate TLBs and Paging-Structure Caches" (4.10.4.1).</remarks>
public enum CacheEffect : byte
{
    /// <summary>Everything cached stays usable.</summary>
    None,

    /// <summary>Drops what is not global, for the current PCID, and all paging-structure-cache entries of that PCID.</summary>
    CurrentPcid,

    /// <summary>Drops everything, global entries included, for all PCIDs.</summary>
    Everything,
}

/// <summary>The consequences of a register write that was accepted, or the fault that it deserves.</summary>
/// <param name="Fault">The fault; nothing was changed if there is one.</param>
/// <param name="Cache">What becomes of cached translations.</param>
/// <param name="LoadsPdptes">Whether the four PDPTEs must be loaded (and may make the write fault after all).</param>
public readonly record struct RegisterWriteOutcome(MmuFault Fault, CacheEffect Cache = CacheEffect.None, bool LoadsPdptes = false);

/// <summary>
/// The rules for writing CR0, CR3, CR4 and EFER: which values raise #GP(0), what a write implies for other registers and for
/// cached translations. Pure: takes a state, gives the next one.
/// </summary>
/// <remarks>Source: Intel SDM vol. 2B, "MOV — Move to/from Control Registers"; vol. 3A, 2.5, 4.1, 4.10.1; WRMSR.</remarks>
public static class ControlRegisterRules
{
    private const ulong Cr0Defined = Cr0.PeBit | Cr0.MpBit | Cr0.EmBit | Cr0.TsBit | Cr0.EtBit | Cr0.NeBit | Cr0.WpBit | Cr0.AmBit
        | Cr0.NwBit | Cr0.CdBit | Cr0.PgBit;

    private const ulong EferDefined = Efer.SceBit | Efer.LmeBit | Efer.LmaBit | Efer.NxeBit;
    private const ulong EferAmd = Efer.SvmeBit | Efer.LmsleBit | Efer.FfxsrBit | Efer.TceBit;

    private static RegisterWriteOutcome Refuse => new(MmuFault.GeneralProtection(0, FaultReason.RegisterWrite));

    /// <summary>MOV to CR0.</summary>
    /// <param name="state">The state before, replaced by the state after unless the write faults.</param>
    /// <param name="value">The operand.</param>
    /// <param name="in64BitMode">Whether the instruction runs in 64-bit mode (CS.L=1 and LMA=1); paging cannot be switched there.</param>
    /// <returns>The outcome; with a fault, <paramref name="state"/> is unchanged.</returns>
    /// <example><code>
    /// var state = new PagingState(ProcessorFeatures.Zen4);
    /// Console.WriteLine(ControlRegisterRules.WriteCr0(ref state, Cr0.PgBit).Fault);                   // #GP(0): register write refused
    /// Console.WriteLine(ControlRegisterRules.WriteCr0(ref state, Cr0.PgBit | Cr0.PeBit).Cache);       // Everything
    /// Console.WriteLine(state.Mode);                                                                  // TwoLevel
    /// </code></example>
    public static RegisterWriteOutcome WriteCr0(ref PagingState state, ulong value, bool in64BitMode = false)
    {
        if (value >> 32 != 0) return Refuse;
        Cr0 old = state.Cr0;
        // Undefined bits of the low half are ignored; ET reads as one.
        Cr0 next = (value & Cr0Defined) | Cr0.EtBit;
        if (next.Pg && !next.Pe) return Refuse;
        if (next.Nw && !next.Cd) return Refuse;
        if (!next.Wp && state.Cr4.Cet) return Refuse;

        Efer efer = state.Efer;
        if (next.Pg && !old.Pg)
        {
            if (efer.Lme)
            {
                if (!state.Cr4.Pae || in64BitMode) return Refuse;
                efer = efer.Value | Efer.LmaBit;
            }
        }
        else if (!next.Pg && old.Pg)
        {
            if (state.Cr4.Pcide || in64BitMode) return Refuse;
            efer = efer.Value & ~Efer.LmaBit;
        }

        bool loads = next.Pg && state.Cr4.Pae && !efer.Lma
            && ((next.Value ^ old.Value) & (Cr0.PgBit | Cr0.CdBit | Cr0.NwBit)) != 0;
        // Only PG 1→0 must drop what is cached; PG 0→1 finds nothing cached, and WP is evaluated at hit time.
        CacheEffect cache = old.Pg != next.Pg ? CacheEffect.Everything : CacheEffect.None;
        state.Cr0 = next;
        state.Efer = efer;
        return new(MmuFault.None, cache, loads);
    }

    /// <summary>MOV to CR3.</summary>
    /// <param name="state">The state before, replaced by the state after unless the write faults.</param>
    /// <param name="value">The operand; bit 63 with PCIDE=1 keeps cached translations and is not stored.</param>
    /// <returns>The outcome; with a fault, <paramref name="state"/> is unchanged.</returns>
    /// <example><code>
    /// var state = new PagingState(ProcessorFeatures.Zen4);
    /// Console.WriteLine(ControlRegisterRules.WriteCr3(ref state, 0x1000).Cache);      // CurrentPcid
    /// </code></example>
    public static RegisterWriteOutcome WriteCr3(ref PagingState state, ulong value)
    {
        if (!state.Efer.Lma)
        {
            state.Cr3 = value & 0xffff_ffff;
            return new(MmuFault.None, CacheEffect.CurrentPcid, state.Mode == PagingMode.Pae);
        }

        bool keep = state.Cr4.Pcide && (value & Cr3.NoFlushBit) != 0;
        if (keep) value &= ~Cr3.NoFlushBit;
        ulong allowed = (1UL << state.Features.PhysicalAddressBits) - 1;
        if (state.Features.Lam) allowed |= Cr3.LamU48Bit | Cr3.LamU57Bit;
        if ((value & ~allowed) != 0) return Refuse;
        state.Cr3 = value;
        return new(MmuFault.None, keep ? CacheEffect.None : CacheEffect.CurrentPcid);
    }

    /// <summary>MOV to CR4.</summary>
    /// <param name="state">The state before, replaced by the state after unless the write faults.</param>
    /// <param name="value">The operand.</param>
    /// <returns>The outcome; with a fault, <paramref name="state"/> is unchanged.</returns>
    /// <example><code>
    /// var state = new PagingState(ProcessorFeatures.Zen4);
    /// Console.WriteLine(ControlRegisterRules.WriteCr4(ref state, Cr4.PcideBit).Fault);        // #GP(0): register write refused
    /// </code></example>
    public static RegisterWriteOutcome WriteCr4(ref PagingState state, ulong value)
    {
        if ((value & ~Cr4Allowed(state.Features)) != 0) return Refuse;
        Cr4 old = state.Cr4;
        Cr4 next = value;
        ulong changed = old.Value ^ value;
        bool lma = state.Efer.Lma;
        if (lma && (changed & (Cr4.PaeBit | Cr4.La57Bit)) != 0) return Refuse;
        if (next.Pcide && !old.Pcide && (!lma || state.Cr3.Pcid != 0)) return Refuse;
        if (next.Cet && !state.Cr0.Wp) return Refuse;

        bool pagingOn = state.Cr0.Pg;
        bool loads = pagingOn && next.Pae && !lma && (changed & (Cr4.PaeBit | Cr4.PgeBit | Cr4.PseBit | Cr4.SmepBit)) != 0;

        CacheEffect cache = CacheEffect.None;
        // PGE, and PCIDE 1→0, drop everything. PAE, PSE and CET change how entries are read, so nothing decoded before may survive.
        if ((changed & (Cr4.PgeBit | Cr4.PaeBit | Cr4.PseBit | Cr4.La57Bit | Cr4.CetBit)) != 0 || (old.Pcide && !next.Pcide)) cache = CacheEffect.Everything;
        // SMEP 0→1 drops all of the current PCID, global translations among it: unlike MOV to CR3 the text makes no exception for them.
        else if (next.Smep && !old.Smep) cache = CacheEffect.Everything;

        state.Cr4 = next;
        return new(MmuFault.None, cache, loads);
    }

    /// <summary>WRMSR to IA32_EFER.</summary>
    /// <param name="state">The state before, replaced by the state after unless the write faults.</param>
    /// <param name="value">The operand; LMA is kept as it is.</param>
    /// <returns>The outcome; with a fault, <paramref name="state"/> is unchanged.</returns>
    /// <example><code>
    /// PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, root: 0x1000UL);
    /// Console.WriteLine(ControlRegisterRules.WriteEfer(ref state, 0).Fault);      // #GP(0): register write refused
    /// </code></example>
    public static RegisterWriteOutcome WriteEfer(ref PagingState state, ulong value)
    {
        ProcessorFeatures features = state.Features;
        ulong allowed = EferDefined;
        if (features.Vendor == ProcessorVendor.Amd) allowed |= EferAmd;
        if (!features.LongMode) allowed &= ~Efer.LmeBit;
        if (!features.ExecuteDisable) allowed &= ~Efer.NxeBit;
        if ((value & ~allowed) != 0) return Refuse;
        Efer old = state.Efer;
        if (state.Cr0.Pg && ((old.Value ^ value) & Efer.LmeBit) != 0) return Refuse;
        value = (value & ~Efer.LmaBit) | (old.Value & Efer.LmaBit);
        // NXE changes whether bit 63 is reserved; entries decoded under the other reading go.
        CacheEffect cache = ((old.Value ^ value) & Efer.NxeBit) != 0 ? CacheEffect.Everything : CacheEffect.None;
        state.Efer = value;
        return new(MmuFault.None, cache);
    }

    /// <summary>
    /// Whether software could have brought a processor into <paramref name="state"/>; what a debugger, a snapshot or a hypervisor's
    /// set-registers call should ask before it loads registers all at once.
    /// </summary>
    /// <param name="state">The registers.</param>
    /// <returns>Null if they are consistent, else one sentence that says what is not.</returns>
    /// <example><code>
    /// var state = new PagingState(ProcessorFeatures.Zen4) { Cr0 = Cr0.PgBit };
    /// Console.WriteLine(ControlRegisterRules.Inconsistency(in state));        // CR0.PG without CR0.PE
    /// </code></example>
    public static string? Inconsistency(in PagingState state)
    {
        ProcessorFeatures features = state.Features;
        if (state.Cr0.Value >> 32 != 0) return "CR0 has bits above 31";
        if (state.Cr0.Pg && !state.Cr0.Pe) return "CR0.PG without CR0.PE";
        if (state.Cr0.Nw && !state.Cr0.Cd) return "CR0.NW without CR0.CD";
        if ((state.Cr4.Value & ~Cr4Allowed(features)) != 0) return $"CR4 has bits this processor does not have: 0x{state.Cr4.Value & ~Cr4Allowed(features):x}";
        if (state.Efer.Lma != (state.Cr0.Pg && state.Efer.Lme)) return "EFER.LMA is not LME and CR0.PG";
        if (state.Efer.Lma && !state.Cr4.Pae) return "long mode without CR4.PAE";
        if (state.Cr4.Pcide && !state.Efer.Lma) return "CR4.PCIDE outside long mode";
        if (state.Cr4.Cet && !state.Cr0.Wp) return "CR4.CET without CR0.WP";
        if (state.Efer.Nxe && !features.ExecuteDisable) return "EFER.NXE without execute-disable";
        if (state.Efer.Lme && !features.LongMode) return "EFER.LME without long mode";
        ulong cr3Allowed = state.Efer.Lma ? (1UL << features.PhysicalAddressBits) - 1 : 0xffff_ffff;
        if (state.Efer.Lma && features.Lam) cr3Allowed |= Cr3.LamU48Bit | Cr3.LamU57Bit;
        if ((state.Cr3.Value & ~cr3Allowed) != 0) return $"CR3 has reserved bits: 0x{state.Cr3.Value & ~cr3Allowed:x}";
        return state.Cpl is < 0 or > 3 ? "CPL is not 0 to 3" : null;
    }

    /// <summary>The bits of CR4 that a processor with <paramref name="features"/> lets software set.</summary>
    /// <param name="features">The features.</param>
    /// <example><code>
    /// Console.WriteLine((ControlRegisterRules.Cr4Allowed(ProcessorFeatures.Pentium4) &amp; Cr4.PcideBit) != 0);       // False
    /// </code></example>
    public static ulong Cr4Allowed(ProcessorFeatures features)
    {
        ArgumentNullException.ThrowIfNull(features);
        ulong allowed = Cr4.VmeBit | Cr4.PviBit | Cr4.TsdBit | Cr4.DeBit | Cr4.MceBit | Cr4.PceBit | Cr4.OsFxsrBit | Cr4.OsXmmExcptBit
            | Cr4.UmipBit | Cr4.VmxeBit | Cr4.SmxeBit | Cr4.FsGsBaseBit | Cr4.OsXsaveBit | Cr4.KlBit | Cr4.UintrBit;
        if (features.Pse) allowed |= Cr4.PseBit;
        if (features.Pae) allowed |= Cr4.PaeBit;
        if (features.GlobalPages) allowed |= Cr4.PgeBit;
        if (features.La57) allowed |= Cr4.La57Bit;
        if (features.Pcid) allowed |= Cr4.PcideBit;
        if (features.Smep) allowed |= Cr4.SmepBit;
        if (features.Smap) allowed |= Cr4.SmapBit;
        if (features.Pku) allowed |= Cr4.PkeBit;
        if (features.Pks) allowed |= Cr4.PksBit;
        if (features.ShadowStacks) allowed |= Cr4.CetBit;
        if (features.Lass) allowed |= Cr4.LassBit;
        if (features.Lam) allowed |= Cr4.LamSupBit;
        return allowed;
    }
}
