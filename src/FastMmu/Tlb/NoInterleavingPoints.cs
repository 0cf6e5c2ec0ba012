using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <summary>Threads run as they do.</summary>
internal readonly struct NoInterleavingPoints : IInterleavingPoints
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reach()
    {
    }
}
