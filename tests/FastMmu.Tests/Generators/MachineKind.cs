namespace FastMmu.Tests.Generators;

/// <summary>The ways a processor can page, with the two ways it can have PAE's PDPTEs.</summary>
public enum MachineKind
{
    NoPaging,
    TwoLevel,
    Pae,
    PaeWithPdptesOnDemand,
    FourLevel,
    FiveLevel,
}
