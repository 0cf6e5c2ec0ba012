using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>Registers: any combination that software could bring about, CR3's address apart.</summary>
internal static class RegisterChoice
{
    private const ulong Cr4OfPaging = Cr4.PseBit | Cr4.PgeBit | Cr4.SmepBit | Cr4.SmapBit | Cr4.PkeBit | Cr4.PksBit;

    /// <summary>Registers of a mode. CR3 is zero but for what is not its address.</summary>
    public static PagingState State(EdgeRandom random, PagingMode mode, ProcessorFeatures features)
    {
        bool paging = mode != PagingMode.None;
        bool longMode = mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        ulong cr4 = random.Some(Cr4OfPaging & RegisterRules.Cr4Of(features));
        if (mode == PagingMode.Pae || longMode || (!paging && features.Pae && random.OneIn(2))) cr4 |= Cr4.PaeBit;
        if (mode == PagingMode.FiveLevel || (!longMode && features.La57 && random.OneIn(8))) cr4 |= Cr4.La57Bit;
        if (longMode && features.Pcid && random.OneIn(2)) cr4 |= Cr4.PcideBit;
        if (features.ShadowStacks && random.OneIn(3)) cr4 |= Cr4.CetBit;
        if (features.Lass && random.OneIn(8)) cr4 |= Cr4.LassBit;
        if (features.Lam && random.OneIn(6)) cr4 |= Cr4.LamSupBit;

        ulong cr0 = Cr0.EtBit | Cr0.PeBit | random.Bit(16, 2) | random.Bit(18, 4);
        if ((cr4 & Cr4.CetBit) != 0) cr0 |= Cr0.WpBit;
        if (paging) cr0 |= Cr0.PgBit;
        ulong efer = features.ExecuteDisable && !random.OneIn(4) ? Efer.NxeBit : 0;
        if (longMode) efer |= Efer.LmeBit | Efer.LmaBit;

        ulong cr3 = 0;
        if (longMode && features.Lam) cr3 |= random.Bit(61, 8) | random.Bit(62, 8);
        cr3 |= (cr4 & Cr4.PcideBit) != 0 ? (ulong)random.Pick(0, 1, 2, 4095) : random.Bit(3, 6) | random.Bit(4, 6);
        return new PagingState(features)
        {
            Cr0 = cr0,
            Cr3 = cr3,
            Cr4 = cr4,
            Efer = efer,
            RFlags = random.Bit(18, 2),
            Pkru = KeyRights(random),
            Pkrs = features.Pks ? KeyRights(random) : 0,
            Cpl = random.Pick(0, 0, 1, 2, 3, 3, 3, 3),
        };
    }

    /// <summary>Some keys with rights taken away; key 0 seldom.</summary>
    public static uint KeyRights(EdgeRandom random)
    {
        uint rights = (uint)random.Some(0xffff_fffc);
        return random.OneIn(4) ? rights | (uint)random.Below(4) : rights;
    }

    /// <summary>Registers with less in them: single bits of CR0, CR4, EFER and the rest cleared, where what remains is possible.</summary>
    public static IEnumerable<PagingState> Smaller(PagingState state)
    {
        foreach (PagingState smaller in Candidates(state))
        {
            if (smaller.Mode == state.Mode && RegisterRules.IsPossible(in smaller)) yield return smaller;
        }
    }

    private static IEnumerable<PagingState> Candidates(PagingState state)
    {
        foreach (ulong cr4 in Shrinking.Bits(state.Cr4.Value)) yield return state with { Cr4 = cr4 };
        foreach (ulong cr0 in Shrinking.Bits(state.Cr0.Value & ~Cr0.EtBit)) yield return state with { Cr0 = cr0 | Cr0.EtBit };
        foreach (ulong efer in Shrinking.Bits(state.Efer.Value)) yield return state with { Efer = efer };
        foreach (ulong flags in Shrinking.Bits(state.RFlags.Value)) yield return state with { RFlags = flags };
        foreach (ulong bits in Shrinking.Bits(state.Cr3.Value & (Cr3.LamU48Bit | Cr3.LamU57Bit | 0xfff)))
        {
            yield return state with { Cr3 = (state.Cr3.Value & ~(Cr3.LamU48Bit | Cr3.LamU57Bit | 0xfffUL)) | bits };
        }

        if (state.Pkru.Value != 0) yield return state with { Pkru = 0 };
        foreach (ulong keys in Shrinking.Bits(state.Pkru.Value)) yield return state with { Pkru = (uint)keys };
        if (state.Pkrs.Value != 0) yield return state with { Pkrs = 0 };
        foreach (ulong keys in Shrinking.Bits(state.Pkrs.Value)) yield return state with { Pkrs = (uint)keys };
        if (state.Cpl != 0) yield return state with { Cpl = 0 };
    }

    /// <summary>The registers in one line, for people.</summary>
    public static string Describe(in PagingState state)
    {
        ProcessorFeatures f = state.Features;
        return $"{state.Mode}{(state.Mode == PagingMode.Pae && f.PdptesReadOnDemand ? " (PDPTEs on demand)" : "")}: CR0 {state.Cr0}, CR3 {state.Cr3}, "
            + $"CR4 {state.Cr4}, EFER {state.Efer}, RFLAGS {state.RFlags}, PKRU {state.Pkru}, PKRS {state.Pkrs}, CPL {state.Cpl}; "
            + $"MAXPHYADDR {f.PhysicalAddressBits}, 1-GiB pages {f.OneGigabytePages}, PSE-36 {f.Pse36}, LA57 {f.La57}, bit 8 {f.NonLeafBit8}";
    }
}
