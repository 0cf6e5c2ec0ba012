using System.Runtime.CompilerServices;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Tlb;

/// <summary>
/// What an entry of the fast table was made under, besides its address: the address space and every register bit that rights depend on.
/// Two moments with the same fingerprint may share entries.
/// </summary>
/// <param name="Keys">PKRU in the low half and IA32_PKRS in the high half, each zero where it does not count.</param>
/// <param name="Flags">PCID in bits 11:0; CR0.WP, CR4.SMEP, SMAP, PKE, PKS, CET and RFLAGS.AC above.</param>
internal readonly record struct FastFingerprint(ulong Keys, uint Flags)
{
    // RFLAGS.AC, where SMAP asks for it.
    private const uint Exempt = 1u << 18;

    internal int Pcid => (int)(Flags & 0xfff);

    /// <summary>The same but for RFLAGS.AC, with SMAP on.</summary>
    internal FastFingerprint WithExemption(bool exempt) => this with { Flags = exempt ? Flags | Exempt : Flags & ~Exempt };

    internal static FastFingerprint Of(in PagingState state)
    {
        uint flags = (uint)state.Pcid;
        if (state.Cr0.Wp) flags |= 1u << 12;
        if (state.Cr4.Smep) flags |= 1u << 13;
        if (state.Cr4.Smap) flags |= 1u << 14;
        if (state.Cr4.Pke) flags |= 1u << 15;
        if (state.Cr4.Pks) flags |= 1u << 16;
        if (state.Cr4.Cet) flags |= 1u << 17;
        // AC matters to rights only where SMAP asks for it, so that user programs toggling it stay in one context.
        if (state.RFlags.Ac && state.Cr4.Smap) flags |= Exempt;
        // Addresses are changed or refused before they are probed under these; their contexts stay empty.
        if (state.Cr4.Lass) flags |= 1u << 19;
        if (state.Cr4.LamSup) flags |= 1u << 20;
        if (((state.Cr3.Value & (Cr3.LamU48Bit | Cr3.LamU57Bit)) != 0) & state.Efer.Lma) flags |= 1u << 21;
        ulong keys = (state.Cr4.Pke ? state.Pkru.Value : 0) | (state.Cr4.Pks ? (ulong)state.Pkrs.Value << 32 : 0);
        return new(keys, flags);
    }
}

/// <summary>One context of the fast table: a fingerprint and the generation that stands for it in tags.</summary>
internal struct FastContext
{
    /// <summary>What the entries were made under.</summary>
    internal FastFingerprint Fingerprint;

    /// <summary>Part of every tag; 0 when the slot is unused.</summary>
    internal uint Generation;

    /// <summary>Part of the tags of the leaf-table cache: changes whenever paging-structure caches must forget.</summary>
    internal uint StructureGeneration;
}

/// <summary>The contexts that are remembered, sixteen at most; the one used longest ago makes room.</summary>
[InlineArray(Count)]
internal struct FastContexts
{
    internal const int Count = 16;

    private FastContext _context0;
}
