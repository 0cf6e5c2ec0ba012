namespace FastMmu.Tlb;

/// <summary>Which side of a split translation cache an access goes through.</summary>
public enum TlbAccess : byte
{
    /// <summary>Reads and writes of data, shadow stacks and system structures.</summary>
    Data = 0,

    /// <summary>Instruction fetches.</summary>
    Instruction = 1,
}
