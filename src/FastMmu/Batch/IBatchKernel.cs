namespace FastMmu.Batch;

/// <summary>
/// The vectorised half of a batch, sixteen addresses at a time: the probe of the fast table, and the walk through remembered page tables.
/// Scalar, AVX2 and AVX-512 are readings of one algorithm.
/// </summary>
/// <remarks>
/// What a reading of a group leaves behind: physical addresses where it found them, and the linear addresses again where it did not, so that
/// the two may lie in the same memory.
/// </remarks>
internal unsafe interface IBatchKernel
{
    /// <summary>Addresses of a group.</summary>
    const int Group = 16;

    /// <summary>Whether this processor and runtime have the instructions.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Probes the fast table, group by group, until one has a lane that it misses.</summary>
    /// <param name="linear">The addresses of the first group.</param>
    /// <param name="physical">Receives physical addresses, and the linear ones of lanes that the table misses. May equal <paramref name="linear"/>.</param>
    /// <param name="groups">How many groups there are.</param>
    /// <param name="probe">The table, and what its entries are compared with.</param>
    /// <param name="missed">A bit for each lane of the group returned that the table misses; 0 if all groups are done.</param>
    /// <returns>The group with a lane that is missed, counted from the first, or <paramref name="groups"/>.</returns>
    static abstract int ProbeGroups(ulong* linear, ulong* physical, int groups, in ProbeState probe, out uint missed);

    /// <summary>
    /// Looks page tables up in the leaf-table cache and reads the leaf entries behind them, those of later groups being on their way
    /// meanwhile, until a group has a lane that this does not answer.
    /// </summary>
    /// <param name="linear">The addresses of the first group.</param>
    /// <param name="physical">Receives physical addresses, and the linear ones of lanes without an answer. May equal <paramref name="linear"/>.</param>
    /// <param name="group">The group to begin with; those before it are done.</param>
    /// <param name="groups">How many groups there are.</param>
    /// <param name="walk">The cache, and what its entries and the leaves are compared with.</param>
    /// <param name="ring">What is on its way; from call to call the same, with the same spans and number of groups.</param>
    /// <param name="missed">A bit for each lane of the group returned that has no answer; 0 if all groups are done.</param>
    /// <returns>The group with a lane that is not answered, or <paramref name="groups"/>.</returns>
    static abstract int WalkGroups(ulong* linear, ulong* physical, int group, int groups, in WalkState walk, WalkRing* ring, out uint missed);
}
