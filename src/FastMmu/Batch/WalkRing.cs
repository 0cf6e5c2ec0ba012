using System.Runtime.InteropServices;

namespace FastMmu.Batch;

/// <summary>The groups of a walk that are begun and not finished: where their leaf entries are.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WalkRing
{
    /// <summary>How many groups are begun before one is finished.</summary>
    internal const int Ahead = 2;

    /// <summary>Places for groups under way; a power of two.</summary>
    internal const int Groups = 4;

    /// <summary>What it takes, with room to align it.</summary>
    internal const int Bytes = (2 * Groups * IBatchKernel.Group * sizeof(ulong)) + 128;

    /// <summary>The host address of each lane's leaf entry; of <see cref="None"/> where there is none.</summary>
    internal fixed ulong Leaves[Groups * IBatchKernel.Group];

    /// <summary>In place of a leaf entry where a large page has the lane: one of its 4-KiB parts.</summary>
    internal fixed ulong Parts[Groups * IBatchKernel.Group];

    /// <summary>An entry that is not present.</summary>
    internal ulong None;

    /// <summary>How many groups were begun.</summary>
    internal int Begun;

    /// <summary>A bit for each place of the ring whose group lay in large pages altogether, and was finished when it began.</summary>
    internal uint Finished;

    /// <summary>An empty ring in memory of <see cref="Bytes"/> bytes.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="group">The first group.</param>
    internal static WalkRing* In(byte* memory, int group)
    {
        var ring = (WalkRing*)(((nuint)memory + 63) & ~(nuint)63);
        ring->None = 0;
        ring->Begun = group;
        ring->Finished = 0;
        return ring;
    }
}
