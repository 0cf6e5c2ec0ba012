namespace FastMmu.Addresses;

/// <summary>Binary multiples of a byte, for <c>using static</c>: <c>256 * MiB</c>.</summary>
public static class ByteSize
{
    /// <summary>2^10 bytes.</summary>
    public const ulong KiB = 1UL << 10;

    /// <summary>2^20 bytes.</summary>
    public const ulong MiB = 1UL << 20;

    /// <summary>2^30 bytes.</summary>
    public const ulong GiB = 1UL << 30;

    /// <summary>2^40 bytes.</summary>
    public const ulong TiB = 1UL << 40;
}
