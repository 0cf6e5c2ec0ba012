using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <summary>True least-recently-used: the way that was not touched for longest makes room.</summary>
/// <remarks>
/// A byte a way holds its age: 0 is the last touched, ways − 1 the next to go, so the ages are always a permutation. Touching a way
/// makes all younger ones a step older, sixteen or thirty-two at a time: comparing gives −1 where an age is lower, and
/// subtracting that adds the step. Bytes beyond the ways hold 255, which is never younger than anything.
/// </remarks>
public readonly unsafe struct TrueLru : IReplacementPolicy
{
    /// <inheritdoc/>
    public static int StateBytes(int ways) => ways <= Vector128<byte>.Count ? Vector128<byte>.Count : (ways + 31) & ~31;

    /// <inheritdoc/>
    public static void Initialize(byte* state, int ways)
    {
        new Span<byte>(state, StateBytes(ways)).Fill(255);
        for (int way = 0; way < ways; way++) state[way] = (byte)(ways - 1 - way);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Touch(byte* state, int ways, int way)
    {
        byte age = state[way];
        if (age == 0) return;
        if (ways <= Vector128<byte>.Count)
        {
            Vector128<byte> ages = Vector128.Load(state);
            (ages - Vector128.LessThan(ages, Vector128.Create(age))).Store(state);
        }
        else
        {
            for (int i = 0; i < ways; i += Vector256<byte>.Count)
            {
                Vector256<byte> ages = Vector256.Load(state + i);
                (ages - Vector256.LessThan(ages, Vector256.Create(age))).Store(state + i);
            }
        }

        state[way] = 0;
    }

    /// <inheritdoc/>
    public static int Victim(byte* state, int ways, ref ulong random)
    {
        byte oldest = (byte)(ways - 1);
        if (ways <= Vector128<byte>.Count)
        {
            return BitOperations.TrailingZeroCount(Vector128.Equals(Vector128.Load(state), Vector128.Create(oldest)).ExtractMostSignificantBits());
        }

        // The ages are a permutation of 0 to ways − 1, so one of them ends the loop.
        for (int i = 0; ; i += Vector256<byte>.Count)
        {
            uint found = Vector256.Equals(Vector256.Load(state + i), Vector256.Create(oldest)).ExtractMostSignificantBits();
            if (found != 0) return i + BitOperations.TrailingZeroCount(found);
        }
    }
}
