namespace FastMmu.Batch;

/// <summary>
/// The vectorised half of a batch: probes the fast table for a block of addresses. Scalar, AVX2 and AVX-512 are readings of one algorithm.
/// </summary>
internal unsafe interface IProbeKernel
{
    /// <summary>Addresses handled by one step; a block's length is a multiple of it.</summary>
    static abstract int Width { get; }

    /// <summary>Whether this processor and runtime have the instructions.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Probes a block.</summary>
    /// <param name="linear">The addresses.</param>
    /// <param name="physical">
    /// Receives the physical address where the table has it, and the linear address again where it has not. May equal <paramref name="linear"/>.
    /// </param>
    /// <param name="count">Number of addresses: a multiple of <see cref="Width"/>, at most 256.</param>
    /// <param name="table">The row of the fast table.</param>
    /// <param name="probe">Key and canonical form.</param>
    /// <param name="missed">Receives the positions, 0 to 255, of addresses that the table does not have; room for <paramref name="count"/>.</param>
    /// <returns>How many were missed.</returns>
    static abstract int Probe(ulong* linear, ulong* physical, int count, ulong* table, in ProbeState probe, byte* missed);
}

/// <summary>What a probe compares with.</summary>
internal readonly struct ProbeState
{
    /// <summary>The generation of the current context, in place.</summary>
    internal readonly ulong Key;

    /// <summary>Added to an address so that the canonical ones are those with no bit of <see cref="SignMask"/>.</summary>
    internal readonly ulong SignBias;

    /// <summary>The bits above a canonical address.</summary>
    internal readonly ulong SignMask;

    internal ProbeState(ulong key, ulong signBias, ulong signMask) => (Key, SignBias, SignMask) = (key, signBias, signMask);
}
