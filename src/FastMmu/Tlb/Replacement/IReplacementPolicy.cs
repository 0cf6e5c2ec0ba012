namespace FastMmu.Tlb;

/// <summary>
/// Which entry of a full set makes room for a new one, as a type argument. The state is a few bytes beside each set, owned by the
/// array; it starts as zeros and is then initialised once.
/// </summary>
/// <remarks>
/// An empty way is always filled first, the lowest one, and the policy is not asked. <c>state</c> points at
/// <see cref="StateBytes"/> bytes, 8-byte aligned; <c>ways</c> is 1 to <see cref="TlbArrayShape.MaxWays"/> and a constant where the geometry is.
/// </remarks>
public unsafe interface IReplacementPolicy
{
    /// <summary>Bytes of state a set needs.</summary>
    /// <param name="ways">Entries of the set.</param>
    static abstract int StateBytes(int ways);

    /// <summary>Writes the state of a set that was never used.</summary>
    /// <param name="state">The set's state.</param>
    /// <param name="ways">Entries of the set.</param>
    static abstract void Initialize(byte* state, int ways);

    /// <summary>Notes that a way was hit or filled.</summary>
    /// <param name="state">The set's state.</param>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="way">The way, below <paramref name="ways"/>.</param>
    static abstract void Touch(byte* state, int ways, int way);

    /// <summary>Chooses the way that makes room. The caller fills it and touches it.</summary>
    /// <param name="state">The set's state.</param>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="random">The TLB's source of chance: any non-zero value, to be advanced by who uses it.</param>
    /// <returns>A way below <paramref name="ways"/>.</returns>
    static abstract int Victim(byte* state, int ways, ref ulong random);
}
