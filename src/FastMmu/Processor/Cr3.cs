using FastMmu.Addresses;

namespace FastMmu.Processor;

/// <summary>Control register 3: the root of the paging structures, and what is known about it.</summary>
/// <param name="Value">The raw register.</param>
/// <remarks>
/// <code>
///            63        62        61     51               12 11        5    4     3    2   0
///          +--------+---------+---------+------------------+- - - - - +-----+-----+- - - -+
/// 4/5-level| 0 (*)  | LAM_U48 | LAM_U57 | root table 51:12 |          | PCD | PWT |       |   PCIDE=0
///          |        |         |         |                  |      PCID, bits 11:0         |   PCIDE=1
///          +--------+---------+---------+------------------+------------------------------+
/// PAE      | ignored: 32-bit register            31:5 PDPT base (32-byte aligned) PCD PWT  |
/// 2-level  | ignored: 32-bit register            31:12 page-directory base        PCD PWT  |
/// </code>
/// (*) bit 63 of the operand of MOV to CR3 with PCIDE=1 asks to keep cached translations; it is never stored.
/// Source: Intel SDM vol. 3A, "Use of CR3" (tables 4-3, 4-7, 4-12, 4-13).
/// </remarks>
public readonly record struct Cr3(ulong Value)
{
    /// <summary>Bit 63 of the operand of MOV to CR3: do not invalidate (only with CR4.PCIDE=1).</summary>
    public const ulong NoFlushBit = 1UL << 63;

    /// <summary>Bit 62: user data addresses keep six metadata bits above bit 47 … 62 (LAM48).</summary>
    public const ulong LamU48Bit = 1UL << 62;

    /// <summary>Bit 61: user data addresses keep metadata in bits 62:57 (LAM57); wins over LAM_U48.</summary>
    public const ulong LamU57Bit = 1UL << 61;

    /// <summary>Bit 3: PWT, used for the root table when PCIDE=0.</summary>
    public const ulong PwtBit = 1UL << 3;

    /// <summary>Bit 4: PCD, used for the root table when PCIDE=0.</summary>
    public const ulong PcdBit = 1UL << 4;

    /// <summary>The root table of four-level and five-level paging: bits 51:12.</summary>
    public PhysicalAddress LongModeRoot => PhysicalAddress.Truncate(Value & 0x000f_ffff_ffff_f000);

    /// <summary>The page-directory-pointer table of PAE paging: bits 31:5.</summary>
    public PhysicalAddress PdptBase => PhysicalAddress.Truncate(Value & 0xffff_ffe0);

    /// <summary>The page directory of two-level paging: bits 31:12.</summary>
    public PhysicalAddress PageDirectoryBase => PhysicalAddress.Truncate(Value & 0xffff_f000);

    /// <summary>Bits 11:0, the process-context identifier when CR4.PCIDE=1.</summary>
    public int Pcid => (int)(Value & 0xfff);

    /// <summary>LAM_U48.</summary>
    public bool LamU48 => (Value & LamU48Bit) != 0;

    /// <summary>LAM_U57.</summary>
    public bool LamU57 => (Value & LamU57Bit) != 0;

    /// <summary>Reads a raw number as this register.</summary>
    /// <param name="value">The raw register.</param>
    public static implicit operator Cr3(ulong value) => new(value);

    /// <summary>The raw register as <c>0x</c> and hexadecimal digits.</summary>
    public override string ToString() => $"0x{Value:x}";
}
