using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>The paging modes as the manual's table tells them apart.</summary>
internal enum ReferenceMode
{
    None,
    TwoLevel,
    Pae,
    FourLevel,
    FiveLevel,
}

/// <summary>
/// What the registers say about paging, read bit by bit from the raw values.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Control Registers" (2.5), "Extended Feature Enable Register" (2.2.1), "Paging Modes and Control Bits" (4.1).</remarks>
internal sealed class Controls
{
    internal Controls(in PagingState state)
    {
        ulong cr0 = state.Cr0.Value;
        ulong cr4 = state.Cr4.Value;
        ulong efer = state.Efer.Value;
        Features = state.Features;
        Cr3 = state.Cr3.Value;
        PdpteRegisters = state.Pdptes;
        Pkru = state.Pkru.Value;
        Pkrs = state.Pkrs.Value;

        WriteProtect = Bits.IsSet(cr0, 16);         // CR0.WP
        bool paging = Bits.IsSet(cr0, 31);          // CR0.PG

        PageSizeExtensions = Bits.IsSet(cr4, 4);    // CR4.PSE
        PhysicalAddressExtension = Bits.IsSet(cr4, 5); // CR4.PAE
        GlobalPages = Bits.IsSet(cr4, 7);           // CR4.PGE
        bool fiveLevels = Bits.IsSet(cr4, 12);      // CR4.LA57
        bool contexts = Bits.IsSet(cr4, 17);        // CR4.PCIDE
        Smep = Bits.IsSet(cr4, 20);                 // CR4.SMEP
        Smap = Bits.IsSet(cr4, 21);                 // CR4.SMAP
        UserKeys = Bits.IsSet(cr4, 22);             // CR4.PKE
        ShadowStacks = Bits.IsSet(cr4, 23);         // CR4.CET
        SupervisorKeys = Bits.IsSet(cr4, 24);       // CR4.PKS
        Lass = Bits.IsSet(cr4, 27);                 // CR4.LASS
        LamSupervisor = Bits.IsSet(cr4, 28);        // CR4.LAM_SUP

        LamUser57 = Bits.IsSet(Cr3, 61);            // CR3.LAM_U57
        LamUser48 = Bits.IsSet(Cr3, 62);            // CR3.LAM_U48

        bool longMode = Bits.IsSet(efer, 10);       // IA32_EFER.LMA; LME (bit 8) alone decides nothing
        ExecuteDisable = Bits.IsSet(efer, 11);      // IA32_EFER.NXE

        AlignmentCheck = Bits.IsSet(state.RFlags.Value, 18); // RFLAGS.AC

        // 4.1.1, table 4-1: PG=0 no paging; PAE=0 32-bit; PAE=1 and LMA=0 PAE; LMA=1 four levels, with LA57=1 five.
        Mode = !paging ? ReferenceMode.None
            : !PhysicalAddressExtension ? ReferenceMode.TwoLevel
            : !longMode ? ReferenceMode.Pae
            : !fiveLevels ? ReferenceMode.FourLevel
            : ReferenceMode.FiveLevel;

        // 4.10.1: with PCIDE=0 the current PCID is 000H, else it is CR3 bits 11:0.
        CurrentPcid = contexts ? (int)Bits.Field(Cr3, 11, 0) : 0;
        ContextsEnabled = contexts;
    }

    internal ProcessorFeatures Features { get; }

    internal ulong Cr3 { get; }

    internal PdpteRegisters PdpteRegisters { get; }

    internal uint Pkru { get; }

    internal uint Pkrs { get; }

    internal ReferenceMode Mode { get; }

    internal bool WriteProtect { get; }

    internal bool PageSizeExtensions { get; }

    internal bool PhysicalAddressExtension { get; }

    internal bool GlobalPages { get; }

    internal bool Smep { get; }

    internal bool Smap { get; }

    internal bool UserKeys { get; }

    internal bool SupervisorKeys { get; }

    internal bool ShadowStacks { get; }

    internal bool Lass { get; }

    internal bool LamSupervisor { get; }

    internal bool LamUser57 { get; }

    internal bool LamUser48 { get; }

    internal bool ExecuteDisable { get; }

    internal bool AlignmentCheck { get; }

    internal bool ContextsEnabled { get; }

    internal int CurrentPcid { get; }

    /// <summary>MAXPHYADDR.</summary>
    internal int PhysicalWidth => Features.PhysicalAddressBits;

    /// <summary>Four-level or five-level paging, the modes of IA-32e mode.</summary>
    internal bool IsLongMode => Mode is ReferenceMode.FourLevel or ReferenceMode.FiveLevel;
}
