namespace FastMmu.Linux.Mm;

/// <summary>How a process wants its address space laid out (personality).</summary>
[Flags]
public enum Personality : uint
{
    /// <summary>Linux's own.</summary>
    None = 0,

    /// <summary>No randomisation.</summary>
    NoRandomize = 0x0004_0000,

    /// <summary>Page 0 is mapped by exec.</summary>
    MapPageZero = 0x0010_0000,

    /// <summary>Areas from the bottom up.</summary>
    CompatLayout = 0x0020_0000,

    /// <summary>Readable memory is executable.</summary>
    ReadImpliesExec = 0x0040_0000,

    /// <summary>A 32-bit address space.</summary>
    Limit32Bit = 0x0080_0000,

    /// <summary>A 3 GiB address space.</summary>
    Limit3GB = 0x0800_0000,
}
