namespace FastMmu.Processor;

/// <summary>Whose rules apply where the vendors differ.</summary>
public enum ProcessorVendor : byte
{
    /// <summary>Intel.</summary>
    Intel,

    /// <summary>AMD.</summary>
    Amd,
}

/// <summary>Which non-leaf entries have their bit 8 reserved (it would be G in a leaf).</summary>
/// <remarks>Source: Intel SDM vol. 3A, tables 4-14 to 4-18 (ignored); AMD APM vol. 2, 5.3.3 (must be zero); Linux KVM reserves it in PML4E and PML5E for AMD.</remarks>
public enum NonLeafBit8 : byte
{
    /// <summary>Ignored everywhere, as Intel documents it.</summary>
    Ignored,

    /// <summary>Reserved in PML4 and PML5 entries, as KVM models AMD's processors.</summary>
    ReservedInPml4,

    /// <summary>Reserved in PML4, PML5 and non-leaf PDPT entries.</summary>
    ReservedInPml4AndPdpt,
}

/// <summary>
/// What CPUID would say about address translation: immutable, shared freely. Start from a preset and change it with <c>with</c>.
/// </summary>
/// <remarks>Source: Intel SDM vol. 2A, CPUID; vol. 3A, "Enumeration of Paging Features by CPUID" (4.1.4).</remarks>
public sealed record ProcessorFeatures
{
    private readonly int _physicalAddressBits = 48;

    /// <summary>Whose rules apply where the vendors differ.</summary>
    public ProcessorVendor Vendor { get; init; } = ProcessorVendor.Intel;

    /// <summary>MAXPHYADDR: the width of a physical address in bits, 32 to 52.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 32 or more than 52.</exception>
    public int PhysicalAddressBits
    {
        get => _physicalAddressBits;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 32);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 52);
            _physicalAddressBits = value;
        }
    }

    /// <summary>Long mode (EFER.LME) exists.</summary>
    public bool LongMode { get; init; } = true;

    /// <summary>PAE exists.</summary>
    public bool Pae { get; init; } = true;

    /// <summary>4-MiB pages (CR4.PSE) exist.</summary>
    public bool Pse { get; init; } = true;

    /// <summary>4-MiB pages may lie above 4 GiB (PSE-36, up to 40 bits).</summary>
    public bool Pse36 { get; init; } = true;

    /// <summary>Global pages (CR4.PGE) exist.</summary>
    public bool GlobalPages { get; init; } = true;

    /// <summary>1-GiB pages exist; without them PS is a reserved bit of a PDPTE.</summary>
    public bool OneGigabytePages { get; init; } = true;

    /// <summary>Execute-disable (EFER.NXE) exists.</summary>
    public bool ExecuteDisable { get; init; } = true;

    /// <summary>Five-level paging (CR4.LA57) exists.</summary>
    public bool La57 { get; init; }

    /// <summary>Process-context identifiers (CR4.PCIDE) exist.</summary>
    public bool Pcid { get; init; } = true;

    /// <summary>INVPCID exists.</summary>
    public bool Invpcid { get; init; } = true;

    /// <summary>SMEP exists.</summary>
    public bool Smep { get; init; } = true;

    /// <summary>SMAP exists.</summary>
    public bool Smap { get; init; } = true;

    /// <summary>Protection keys for user pages exist.</summary>
    public bool Pku { get; init; } = true;

    /// <summary>Protection keys for supervisor pages exist.</summary>
    public bool Pks { get; init; }

    /// <summary>CET shadow stacks exist.</summary>
    public bool ShadowStacks { get; init; }

    /// <summary>Linear-address-space separation exists.</summary>
    public bool Lass { get; init; }

    /// <summary>Linear-address masking exists.</summary>
    public bool Lam { get; init; }

    /// <summary>Whether real-mode accesses are checked against the cached limit: true from the 80286 on, false for the 8086 and 80186.</summary>
    public bool RealModeLimits { get; init; } = true;

    /// <summary>Which non-leaf entries have bit 8 reserved.</summary>
    public NonLeafBit8 NonLeafBit8 { get; init; } = NonLeafBit8.Ignored;

    /// <summary>
    /// Whether PAE page-directory-pointer-table entries are read from memory by every walk, as under AMD's nested paging, instead of
    /// being loaded into registers. They have no accessed bit either way.
    /// </summary>
    public bool PdptesReadOnDemand { get; init; }

    /// <summary>Width in bits of the widest linear address this processor can have: 57 with LA57, else 48. Bases and MSRs are canonical by it.</summary>
    public int LinearAddressBits => La57 ? 57 : 48;

    /// <summary>Whether the processor has a paging mode; paging off is always to be had.</summary>
    /// <param name="mode">The mode.</param>
    /// <example><code>
    /// Console.WriteLine(ProcessorFeatures.Pentium4.Has(PagingMode.FourLevel));      // False
    /// </code></example>
    public bool Has(PagingMode mode) => mode switch
    {
        PagingMode.None or PagingMode.TwoLevel => true,
        PagingMode.Pae => Pae,
        PagingMode.FourLevel => LongMode,
        PagingMode.FiveLevel => LongMode && La57,
        _ => false,
    };

    /// <summary>AMD Zen 4: 48-bit physical addresses, five-level paging, no PKS, no LAM.</summary>
    public static ProcessorFeatures Zen4 { get; } = new()
    {
        Vendor = ProcessorVendor.Amd, PhysicalAddressBits = 48, La57 = true, ShadowStacks = true, NonLeafBit8 = NonLeafBit8.ReservedInPml4,
    };

    /// <summary>Intel Sapphire Rapids: 46-bit physical addresses (client parts; servers have up to 52), five-level paging, PKS, shadow stacks.</summary>
    public static ProcessorFeatures SapphireRapids { get; } = new()
    {
        PhysicalAddressBits = 46, La57 = true, Pks = true, ShadowStacks = true,
    };

    /// <summary>Intel Skylake server: 46-bit physical addresses, four-level paging, protection keys.</summary>
    public static ProcessorFeatures SkylakeServer { get; } = new() { PhysicalAddressBits = 46 };

    /// <summary>Intel Pentium 4 era, 32-bit: PAE with 36 bits, no long mode, no execute-disable.</summary>
    public static ProcessorFeatures Pentium4 { get; } = new()
    {
        PhysicalAddressBits = 36, LongMode = false, OneGigabytePages = false, ExecuteDisable = false, Pcid = false, Invpcid = false,
        Smep = false, Smap = false, Pku = false,
    };

    /// <summary>Intel 80386: two-level paging with 4-KiB pages and nothing else.</summary>
    public static ProcessorFeatures I386 { get; } = new()
    {
        PhysicalAddressBits = 32, LongMode = false, Pae = false, Pse = false, Pse36 = false, GlobalPages = false, OneGigabytePages = false,
        ExecuteDisable = false, Pcid = false, Invpcid = false, Smep = false, Smap = false, Pku = false,
    };

    /// <summary>Everything this engine models, with 52-bit physical addresses.</summary>
    public static ProcessorFeatures Everything { get; } = new()
    {
        PhysicalAddressBits = 52, La57 = true, Pks = true, ShadowStacks = true, Lass = true, Lam = true,
    };
}
