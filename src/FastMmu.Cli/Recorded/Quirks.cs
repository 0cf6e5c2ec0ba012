namespace FastMmu.Cli.Recorded;

/// <summary>Known deviations of those who answered. Each is asked for by name and loosens the comparison, never the subject.</summary>
[Flags]
internal enum Quirks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>
    /// <c>rmw-accessed</c>: a read-modify-write at CPL 0 that write protection refuses has set A in all its entries, because the answerer
    /// (KVM's instruction emulator) makes the read first.
    /// </summary>
    RmwAccessed = 1 << 0,

    /// <summary>
    /// <c>wrap-4g</c>: an access that runs past 4 GiB in a segment whose upper bound is FFFFFFFF wraps instead of faulting. KVM's
    /// emulator does so; processors fault.
    /// </summary>
    Wrap4G = 1 << 1,

    /// <summary><c>amd-pdpt-bit8</c>: vendor A reserves bit 8 also in a PDPT entry that maps no page, as AMD's manual has it; KVM only in a PML4 entry.</summary>
    AmdPdptBit8 = 1 << 2,
}
