namespace FastMmu.Reference;

/// <summary>Known deviations of those who answered recorded rows. Each loosens the comparison, or says how the answer is read; never what the unit must do.</summary>
[Flags]
public enum PagingVectorQuirks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>
    /// A read-modify-write at CPL 0 that write protection refuses has set A in all its entries, because the answerer
    /// (KVM's instruction emulator) makes the read first.
    /// </summary>
    RmwAccessed = 1 << 0,

    /// <summary>Vendor A reserves bit 8 also in a PDPT entry that maps no page, as AMD's manual has it; KVM only in a PML4 entry.</summary>
    AmdPdptBit8 = 1 << 1,
}
