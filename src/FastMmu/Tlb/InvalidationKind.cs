namespace FastMmu.Tlb;

/// <summary>What an <see cref="Invalidation"/> drops.</summary>
public enum InvalidationKind : byte
{
    /// <summary>Everything, of all PCIDs, global translations included.</summary>
    Everything = 0,

    /// <summary>Everything but global translations, of all PCIDs.</summary>
    NonGlobal = 1,

    /// <summary>Everything of one PCID but global translations.</summary>
    Pcid = 2,

    /// <summary>The pages of a range, of one PCID.</summary>
    Pages = 3,

    /// <summary>The pages of a range, of one PCID, and global translations in it.</summary>
    PagesAndGlobals = 4,

    /// <summary>What MOV to CR3 drops when it writes the value that is there: with PAE the PDPTE registers are loaded again.</summary>
    Cr3Write = 5,
}
