using System.Runtime.CompilerServices;

namespace FastMmu.Memory;

/// <summary>Threads run as they do.</summary>
internal readonly struct NoInterleavingPoints : IInterleavingPoints
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reach()
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Await(Lock gate)
    {
    }
}
