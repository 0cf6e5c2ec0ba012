namespace FastMmu;

/// <summary>The register operand of INVPCID.</summary>
/// <remarks>Source: Intel SDM vol. 2A, "INVPCID — Invalidate Process-Context Identifier".</remarks>
public enum InvpcidType : ulong
{
    /// <summary>One address of one PCID; global translations stay.</summary>
    IndividualAddress = 0,

    /// <summary>All of one PCID; global translations stay.</summary>
    SingleContext = 1,

    /// <summary>Everything, global translations too.</summary>
    AllIncludingGlobal = 2,

    /// <summary>Everything but global translations.</summary>
    AllExceptGlobal = 3,
}
