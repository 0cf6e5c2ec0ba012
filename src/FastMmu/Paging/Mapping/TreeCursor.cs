using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>Where a pass over the tables of an address space stands: one table a level, from the root down to the current one.</summary>
internal struct TreeCursor
{
    /// <summary>A table on the path, and how far it has been read.</summary>
    internal struct Position
    {
        internal ulong Table;
        internal ulong Linear;
        internal short NextIndex;
        internal byte Path;

        /// <summary>A leaf was found in it or below, or it was not read from its first entry.</summary>
        internal bool Fruitful;
    }

    [InlineArray(6)]
    private struct ByLevel
    {
        private Position _level0;
    }

    private ByLevel _positions;

    /// <summary>The level being read; 0 before the first step.</summary>
    internal int Level;

    /// <summary>First and last address wanted.</summary>
    internal ulong First, Last;

    /// <summary>
    /// Tables under which there is no leaf, with their levels: without it a hostile tree whose 2^36 paths all end in one empty table would
    /// be searched path by path. Made when the first such table is met.
    /// </summary>
    internal HashSet<(ulong Table, int Level)>? Barren;

    internal TreeCursor(LinearRange within)
    {
        First = within.Start.Value;
        Last = within.Last.Value;
    }

    [UnscopedRef]
    internal ref Position At(int level) => ref _positions[level];
}
