using System.Runtime.CompilerServices;
using FastMmu.Paging.Modes;

namespace FastMmu.Paging.Mapping;

/// <summary>Shapes of the tables of a mode, derived from its constants.</summary>
internal static class TableGeometry<TMode> where TMode : struct, IPagingMode
{
    /// <summary>Base-two logarithm of the bytes that an entry of a level covers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Shift(int level) => 12 + ((level - 1) * TMode.IndexBits);

    /// <summary>Bytes that an entry of a level covers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Span(int level) => 1UL << Shift(level);

    /// <summary>Entries of a table: the root of PAE has four, every other table fills its frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Entries(int level) => level == TMode.Levels ? 1 << (TMode.LinearWidth - Shift(level)) : 1 << TMode.IndexBits;

    /// <summary>The index of an address at a level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Index(ulong linear, int level) => (int)(linear >> Shift(level)) & (Entries(level) - 1);

    /// <summary>The first address behind the highest frame that a 4-KiB leaf or a table entry can name.</summary>
    internal static ulong FrameLimit(int physicalAddressBits) => Math.Min(TMode.FrameMask + 4096, 1UL << physicalAddressBits);

    /// <summary>Whether entries of a level have no rights, so that the leaf is not restricted by them: PAE's root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool HasNoRights(int level) => level > TMode.TopTableLevel;
}
