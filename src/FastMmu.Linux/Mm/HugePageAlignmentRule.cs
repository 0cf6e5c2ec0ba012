namespace FastMmu.Linux.Mm;

/// <summary>Which anonymous areas without a hint begin at a multiple of 2 MiB.</summary>
public enum HugePageAlignmentRule
{
    /// <summary>None (up to 6.6).</summary>
    None,

    /// <summary>All of at least 2 MiB (6.7 to 6.12).</summary>
    LargeAreas,

    /// <summary>Those whose length is a multiple of 2 MiB (later).</summary>
    WholeHugePages,
}
