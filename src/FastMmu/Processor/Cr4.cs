namespace FastMmu.Processor;

/// <summary>Control register 4: architectural extensions.</summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///  32    28      27     25    24    23    22    21     20         17     12     7     6     5     4        0
/// +----+---------+------+-----+-----+-----+-----+------+------+- -+-------+------+-----+-----+-----+-----+- -+-----+
/// |FRED| LAM_SUP | LASS | ... | PKS | CET | PKE | SMAP | SMEP |   | PCIDE | LA57 | PGE | MCE | PAE | PSE |   | VME |
/// +----+---------+------+-----+-----+-----+-----+------+------+- -+-------+------+-----+-----+-----+-----+- -+-----+
/// </code>
/// Source: Intel SDM vol. 3A, "Control Registers" (2.5).
/// </remarks>
public readonly record struct Cr4(ulong Value)
{
    /// <summary>Bit 0: VME, virtual-8086 extensions.</summary>
    public const ulong VmeBit = 1UL << 0;

    /// <summary>Bit 1: PVI, protected-mode virtual interrupts.</summary>
    public const ulong PviBit = 1UL << 1;

    /// <summary>Bit 2: TSD, time-stamp disable.</summary>
    public const ulong TsdBit = 1UL << 2;

    /// <summary>Bit 3: DE, debugging extensions.</summary>
    public const ulong DeBit = 1UL << 3;

    /// <summary>Bit 4: PSE: 4-MiB pages in two-level paging.</summary>
    public const ulong PseBit = 1UL << 4;

    /// <summary>Bit 5: PAE: 64-bit paging-structure entries.</summary>
    public const ulong PaeBit = 1UL << 5;

    /// <summary>Bit 6: MCE, machine-check enable.</summary>
    public const ulong MceBit = 1UL << 6;

    /// <summary>Bit 7: PGE: the G bit of leaf entries counts.</summary>
    public const ulong PgeBit = 1UL << 7;

    /// <summary>Bit 8: PCE, performance-counter enable.</summary>
    public const ulong PceBit = 1UL << 8;

    /// <summary>Bit 9: OSFXSR.</summary>
    public const ulong OsFxsrBit = 1UL << 9;

    /// <summary>Bit 10: OSXMMEXCPT.</summary>
    public const ulong OsXmmExcptBit = 1UL << 10;

    /// <summary>Bit 11: UMIP, user-mode instruction prevention.</summary>
    public const ulong UmipBit = 1UL << 11;

    /// <summary>Bit 12: LA57: five-level paging.</summary>
    public const ulong La57Bit = 1UL << 12;

    /// <summary>Bit 13: VMXE.</summary>
    public const ulong VmxeBit = 1UL << 13;

    /// <summary>Bit 14: SMXE.</summary>
    public const ulong SmxeBit = 1UL << 14;

    /// <summary>Bit 16: FSGSBASE.</summary>
    public const ulong FsGsBaseBit = 1UL << 16;

    /// <summary>Bit 17: PCIDE: CR3 bits 11:0 are a process-context identifier.</summary>
    public const ulong PcideBit = 1UL << 17;

    /// <summary>Bit 18: OSXSAVE.</summary>
    public const ulong OsXsaveBit = 1UL << 18;

    /// <summary>Bit 19: KL, key locker.</summary>
    public const ulong KlBit = 1UL << 19;

    /// <summary>Bit 20: SMEP: no supervisor fetch from user pages.</summary>
    public const ulong SmepBit = 1UL << 20;

    /// <summary>Bit 21: SMAP: no supervisor data access to user pages.</summary>
    public const ulong SmapBit = 1UL << 21;

    /// <summary>Bit 22: PKE: PKRU applies to user pages.</summary>
    public const ulong PkeBit = 1UL << 22;

    /// <summary>Bit 23: CET: shadow stacks exist.</summary>
    public const ulong CetBit = 1UL << 23;

    /// <summary>Bit 24: PKS: IA32_PKRS applies to supervisor pages.</summary>
    public const ulong PksBit = 1UL << 24;

    /// <summary>Bit 25: UINTR.</summary>
    public const ulong UintrBit = 1UL << 25;

    /// <summary>Bit 27: LASS: linear-address-space separation.</summary>
    public const ulong LassBit = 1UL << 27;

    /// <summary>Bit 28: LAM_SUP: bits above the canonical width of supervisor data addresses are metadata.</summary>
    public const ulong LamSupBit = 1UL << 28;

    /// <summary>VME, virtual-8086 extensions.</summary>
    public bool Vme => (Value & VmeBit) != 0;

    /// <summary>PVI, protected-mode virtual interrupts.</summary>
    public bool Pvi => (Value & PviBit) != 0;

    /// <summary>TSD, time-stamp disable.</summary>
    public bool Tsd => (Value & TsdBit) != 0;

    /// <summary>DE, debugging extensions.</summary>
    public bool De => (Value & DeBit) != 0;

    /// <summary>PSE: 4-MiB pages in two-level paging.</summary>
    public bool Pse => (Value & PseBit) != 0;

    /// <summary>PAE: 64-bit paging-structure entries.</summary>
    public bool Pae => (Value & PaeBit) != 0;

    /// <summary>MCE, machine-check enable.</summary>
    public bool Mce => (Value & MceBit) != 0;

    /// <summary>PGE: the G bit of leaf entries counts.</summary>
    public bool Pge => (Value & PgeBit) != 0;

    /// <summary>PCE, performance-counter enable.</summary>
    public bool Pce => (Value & PceBit) != 0;

    /// <summary>OSFXSR.</summary>
    public bool OsFxsr => (Value & OsFxsrBit) != 0;

    /// <summary>OSXMMEXCPT.</summary>
    public bool OsXmmExcpt => (Value & OsXmmExcptBit) != 0;

    /// <summary>UMIP, user-mode instruction prevention.</summary>
    public bool Umip => (Value & UmipBit) != 0;

    /// <summary>LA57: five-level paging.</summary>
    public bool La57 => (Value & La57Bit) != 0;

    /// <summary>VMXE.</summary>
    public bool Vmxe => (Value & VmxeBit) != 0;

    /// <summary>SMXE.</summary>
    public bool Smxe => (Value & SmxeBit) != 0;

    /// <summary>FSGSBASE.</summary>
    public bool FsGsBase => (Value & FsGsBaseBit) != 0;

    /// <summary>PCIDE: CR3 bits 11:0 are a process-context identifier.</summary>
    public bool Pcide => (Value & PcideBit) != 0;

    /// <summary>OSXSAVE.</summary>
    public bool OsXsave => (Value & OsXsaveBit) != 0;

    /// <summary>KL, key locker.</summary>
    public bool Kl => (Value & KlBit) != 0;

    /// <summary>SMEP: no supervisor fetch from user pages.</summary>
    public bool Smep => (Value & SmepBit) != 0;

    /// <summary>SMAP: no supervisor data access to user pages.</summary>
    public bool Smap => (Value & SmapBit) != 0;

    /// <summary>PKE: PKRU applies to user pages.</summary>
    public bool Pke => (Value & PkeBit) != 0;

    /// <summary>CET: shadow stacks exist.</summary>
    public bool Cet => (Value & CetBit) != 0;

    /// <summary>PKS: IA32_PKRS applies to supervisor pages.</summary>
    public bool Pks => (Value & PksBit) != 0;

    /// <summary>UINTR.</summary>
    public bool Uintr => (Value & UintrBit) != 0;

    /// <summary>LASS: linear-address-space separation.</summary>
    public bool Lass => (Value & LassBit) != 0;

    /// <summary>LAM_SUP: bits above the canonical width of supervisor data addresses are metadata.</summary>
    public bool LamSup => (Value & LamSupBit) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator Cr4(ulong value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits, followed by the names of the bits that are set.</summary>
    public override string ToString() => $"0x{Value:x}{RegisterText.Names(Value, BitNames)}";

    private static readonly (ulong Bit, string Name)[] BitNames =
    [
        (VmeBit, "VME"),
        (PviBit, "PVI"),
        (TsdBit, "TSD"),
        (DeBit, "DE"),
        (PseBit, "PSE"),
        (PaeBit, "PAE"),
        (MceBit, "MCE"),
        (PgeBit, "PGE"),
        (PceBit, "PCE"),
        (OsFxsrBit, "OSFXSR"),
        (OsXmmExcptBit, "OSXMMEXCPT"),
        (UmipBit, "UMIP"),
        (La57Bit, "LA57"),
        (VmxeBit, "VMXE"),
        (SmxeBit, "SMXE"),
        (FsGsBaseBit, "FSGSBASE"),
        (PcideBit, "PCIDE"),
        (OsXsaveBit, "OSXSAVE"),
        (KlBit, "KL"),
        (SmepBit, "SMEP"),
        (SmapBit, "SMAP"),
        (PkeBit, "PKE"),
        (CetBit, "CET"),
        (PksBit, "PKS"),
        (UintrBit, "UINTR"),
        (LassBit, "LASS"),
        (LamSupBit, "LAMSUP"),
    ];
}
