namespace FastMmu.Reference.Generation;

/// <summary>
/// A stream of random choices that follows from one number. Big cases (a machine with its tables, a program of a thousand steps) are built
/// with it in microseconds.
/// </summary>
internal sealed class EdgeRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>Sixty-four bits, all alike.</summary>
    public ulong Next64()
    {
        // SplitMix64.
        _state += 0x9e37_79b9_7f4a_7c15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="limit"/> − 1.</summary>
    public int Below(int limit) => (int)(((Next64() >> 32) * (ulong)limit) >> 32);

    /// <summary>From <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public bool OneIn(int chances) => Below(chances) == 0;

    public T Pick<T>(params ReadOnlySpan<T> items) => items[Below(items.Length)];

    public T Among<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>A bit, set once in so many times.</summary>
    public ulong Bit(int position, int chances) => OneIn(chances) ? 1UL << position : 0;

    /// <summary>Any of the bits of a mask; now and then all or none.</summary>
    public ulong Some(ulong mask) => Below(8) switch { 0 => 0, 1 => mask, _ => Next64() & mask };

    /// <summary>A number that has few ones, few zeros, or ends of runs where arithmetic goes wrong.</summary>
    public ulong Word() => Below(8) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => 1UL << Below(64),
        3 => (1UL << Below(64)) - 1,
        4 => ~((1UL << Below(64)) - 1),
        5 => (1UL << Below(64)) | (1UL << Below(64)) | (1UL << Below(64)),
        6 => Next64() & Next64() & Next64(),
        _ => Next64(),
    };
}
