namespace FastMmu.Linux.Mm;

/// <summary>The random numbers that layouts are made of: SplitMix64, so that a seed says everything.</summary>
/// <remarks>
/// SplitMix64 adds 0x9e3779b97f4a7c15 to its 64-bit state and returns the state mixed: <c>z ^= z &gt;&gt; 30; z *= 0xbf58476d1ce4e5b9; z ^= z
/// &gt;&gt; 27; z *= 0x94d049bb133111eb; z ^= z &gt;&gt; 31</c>. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014. The kernel draws from its cryptographic generator instead; ranges and granularity are the kernel's.
/// </remarks>
public sealed class AslrRandom
{
    private ulong _state;

    /// <summary>Starts at a seed.</summary>
    /// <param name="seed">Any number.</param>
    public AslrRandom(ulong seed) => _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        _state += 0x9e37_79b9_7f4a_7c15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }

    /// <summary>A number of 0 to a bound, the bound left out.</summary>
    /// <param name="bound">More than 0.</param>
    public ulong Below(ulong bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        return Next() % bound;
    }

    /// <summary>A page of a range (randomize_page): the start rounded up plus a random count of pages.</summary>
    /// <param name="start">The lowest address.</param>
    /// <param name="range">How many bytes above it the page may start.</param>
    public ulong Page(ulong start, ulong range)
    {
        ulong aligned = (start + 0xfff) & ~0xfffUL;
        if (aligned - start > range || aligned < start)
        {
            return start;
        }

        ulong pages = Math.Min(range - (aligned - start), ulong.MaxValue - aligned) >> 12;
        return pages == 0 ? aligned : aligned + (Below(pages) << 12);
    }
}
