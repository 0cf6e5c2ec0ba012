using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>
/// Which registers and which writes to them are generated: those that no processor refuses, and that leave the paging mode as it is. What a
/// refused write is answered with is not this model's matter, except where PDPTEs are loaded.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Control Registers" (2.5); vol. 2B, "MOV - Move to/from Control Registers".</remarks>
internal static class RegisterRules
{
    /// <summary>The bits of CR4 that decide translations, as far as a processor has them.</summary>
    public static ulong Cr4Of(ProcessorFeatures features)
    {
        ulong bits = 0;
        if (features.Pse) bits |= 1UL << 4;
        if (features.Pae) bits |= 1UL << 5;
        if (features.GlobalPages) bits |= 1UL << 7;
        if (features.La57) bits |= 1UL << 12;
        if (features.Pcid) bits |= 1UL << 17;
        if (features.Smep) bits |= 1UL << 20;
        if (features.Smap) bits |= 1UL << 21;
        if (features.Pku) bits |= 1UL << 22;
        if (features.ShadowStacks) bits |= 1UL << 23;
        if (features.Pks) bits |= 1UL << 24;
        if (features.Lass) bits |= 1UL << 27;
        if (features.Lam) bits |= 1UL << 28;
        return bits;
    }

    /// <summary>Whether a processor can hold these registers.</summary>
    public static bool IsPossible(in PagingState state)
    {
        ulong cr0 = state.Cr0.Value, cr4 = state.Cr4.Value, efer = state.Efer.Value;
        bool paging = Bits.IsSet(cr0, 31), pae = Bits.IsSet(cr4, 5), longMode = Bits.IsSet(efer, 10);
        if (paging && !Bits.IsSet(cr0, 0)) return false;                            // PG needs PE
        if ((cr4 & ~Cr4Of(state.Features)) != 0) return false;
        if (longMode != (paging && Bits.IsSet(efer, 8))) return false;              // LMA is LME and PG
        if (Bits.IsSet(efer, 8) && !state.Features.LongMode) return false;
        if (longMode && !pae) return false;
        if (Bits.IsSet(cr4, 17) && !longMode) return false;                         // PCIDE needs long mode
        if (Bits.IsSet(cr4, 23) && !Bits.IsSet(cr0, 16)) return false;              // CET needs WP
        if (Bits.IsSet(efer, 11) && !state.Features.ExecuteDisable) return false;
        ulong address = longMode ? Bits.Range(state.Features.PhysicalAddressBits - 1, 0) : Bits.Range(31, 0);
        if (longMode && state.Features.Lam) address |= Bits.Range(62, 61);
        return (state.Cr3.Value & ~address) == 0;
    }

    /// <summary>Whether a write that makes <paramref name="after"/> of <paramref name="before"/> is accepted, and leaves the mode as it is.</summary>
    public static bool IsPossible(in PagingState before, in PagingState after)
    {
        if (before.Mode != after.Mode || !IsPossible(after)) return false;
        ulong turned = before.Cr4.Value ^ after.Cr4.Value;
        if ((turned & ((1UL << 5) | (1UL << 12))) != 0) return false;               // PAE and LA57 select the mode, now or later
        if (((before.Efer.Value ^ after.Efer.Value) & ~(1UL << 11)) != 0) return false;

        // PCIDE is set only while CR3 bits 11:0 are clear.
        return !Bits.IsSet(turned & after.Cr4.Value, 17) || Bits.Field(before.Cr3.Value, 11, 0) == 0;
    }
}
