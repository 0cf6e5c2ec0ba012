using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <summary>Random replacement: every way of the full set is as likely. A seed makes it reproducible.</summary>
public readonly unsafe struct RandomReplacement : IReplacementPolicy
{
    /// <inheritdoc/>
    public static int StateBytes(int ways) => 0;

    /// <inheritdoc/>
    public static void Initialize(byte* state, int ways)
    {
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Touch(byte* state, int ways, int way)
    {
    }

    /// <inheritdoc/>
    public static int Victim(byte* state, int ways, ref ulong random)
    {
        // xorshift64 (Marsaglia 2003): a full period of 2^64 − 1 from any non-zero seed.
        ulong x = random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        random = x;
        return (int)(((x >> 32) * (ulong)(uint)ways) >> 32);
    }
}
