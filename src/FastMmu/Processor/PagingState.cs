using FastMmu.Addresses;

namespace FastMmu.Processor;

/// <summary>
/// Everything outside memory that decides a translation: registers and features. A plain value that engine and reference model share.
/// </summary>
/// <remarks>
/// It may hold any combination; <see cref="ControlRegisterRules"/> says which combinations the architecture lets software reach.
/// </remarks>
public struct PagingState
{
    /// <summary>A processor after reset: no protection, no paging.</summary>
    /// <param name="features">What the processor has.</param>
    public PagingState(ProcessorFeatures features)
    {
        Features = features;
        Cr0 = Cr0.EtBit;
    }

    /// <summary>
    /// A processor with paging on as a kernel would have it: WP, and NX, PGE and PSE where the processor has them; CPL 0. PAE's PDPTE
    /// registers are empty: load them, or let <see cref="ProcessorFeatures.PdptesReadOnDemand"/> be set.
    /// </summary>
    /// <param name="features">What the processor has.</param>
    /// <param name="mode">The paging mode; not <see cref="PagingMode.None"/>.</param>
    /// <param name="root">What CR3 holds.</param>
    /// <exception cref="ArgumentException">The processor does not have the mode.</exception>
    /// <example><code>
    /// PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FiveLevel, root: 0x1000UL);
    /// Console.WriteLine($"{state.Mode}, {state.LinearWidth} bits");       // FiveLevel, 57 bits
    /// </code></example>
    public static PagingState WithPaging(ProcessorFeatures features, PagingMode mode, PhysicalAddress root)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (mode == PagingMode.None || !features.Has(mode)) throw new ArgumentException($"This processor has no paging mode {mode}.", nameof(mode));
        bool longMode = mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        ulong cr4 = mode == PagingMode.TwoLevel ? 0 : Cr4.PaeBit;
        if (mode == PagingMode.FiveLevel) cr4 |= Cr4.La57Bit;
        if (features.GlobalPages) cr4 |= Cr4.PgeBit;
        if (features.Pse) cr4 |= Cr4.PseBit;
        ulong efer = longMode ? Efer.LmeBit | Efer.LmaBit : 0;
        if (features.ExecuteDisable && mode != PagingMode.TwoLevel) efer |= Efer.NxeBit;
        return new PagingState(features)
        {
            Cr0 = Cr0.PgBit | Cr0.WpBit | Cr0.EtBit | Cr0.PeBit,
            Cr3 = root.Value,
            Cr4 = cr4,
            Efer = efer,
        };
    }

    /// <summary>What the processor has.</summary>
    public ProcessorFeatures Features { get; set; }

    /// <summary>Control register 0.</summary>
    public Cr0 Cr0 { get; set; }

    /// <summary>Control register 3.</summary>
    public Cr3 Cr3 { get; set; }

    /// <summary>Control register 4.</summary>
    public Cr4 Cr4 { get; set; }

    /// <summary>IA32_EFER.</summary>
    public Efer Efer { get; set; }

    /// <summary>RFLAGS: AC and VM count.</summary>
    public RFlags RFlags { get; set; }

    /// <summary>Protection keys of user pages.</summary>
    public ProtectionKeyRights Pkru { get; set; }

    /// <summary>Protection keys of supervisor pages (IA32_PKRS).</summary>
    public ProtectionKeyRights Pkrs { get; set; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; set; }

    /// <summary>The PDPTE registers; they count only in PAE paging.</summary>
    public PdpteRegisters Pdptes;

    /// <summary>The paging mode that the registers select.</summary>
    public readonly PagingMode Mode
    {
        get
        {
            if (!Cr0.Pg) return PagingMode.None;
            if (!Cr4.Pae) return PagingMode.TwoLevel;
            if (!Efer.Lma) return PagingMode.Pae;
            return Cr4.La57 ? PagingMode.FiveLevel : PagingMode.FourLevel;
        }
    }

    /// <summary>The current process-context identifier: CR3 bits 11:0 with CR4.PCIDE=1, else 0.</summary>
    public readonly int Pcid => Cr4.Pcide ? Cr3.Pcid : 0;

    /// <summary>Width in bits of a linear address in the current mode: 57, 48, or 32 outside long mode.</summary>
    public readonly int LinearWidth => Mode switch
    {
        PagingMode.FiveLevel => 57,
        PagingMode.FourLevel => 48,
        _ => 32,
    };

    /// <summary>The privilege of an explicit access by the running program: user at CPL 3.</summary>
    public readonly Privilege CurrentPrivilege => Cpl == 3 ? Privilege.User : Privilege.Supervisor;
}
