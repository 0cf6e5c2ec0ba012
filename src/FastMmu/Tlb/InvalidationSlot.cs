using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>A numbered invalidation, in a cache line of its own.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct InvalidationSlot
{
    /// <summary>A cache line.</summary>
    internal const int Bytes = 64;

    /// <summary>Twice the number; one less while the invalidation is being written.</summary>
    internal long Stamp;

    /// <summary>What is dropped.</summary>
    internal Invalidation What;

    /// <summary>The stamp of an invalidation that may be taken.</summary>
    /// <param name="number">Its number.</param>
    internal static long Published(long number) => 2 * number;
}
