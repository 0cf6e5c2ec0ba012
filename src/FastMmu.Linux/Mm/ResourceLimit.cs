namespace FastMmu.Linux.Mm;

/// <summary>A soft limit, which is enforced, and the hard limit it may be raised to.</summary>
/// <param name="Soft">The limit in force (rlim_cur), in bytes; all ones is none.</param>
/// <param name="Hard">What it may be raised to (rlim_max).</param>
public readonly record struct ResourceLimit(ulong Soft, ulong Hard)
{
    /// <summary>RLIM_INFINITY.</summary>
    public const ulong Infinity = ulong.MaxValue;
}
