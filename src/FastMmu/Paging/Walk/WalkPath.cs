using System.Runtime.CompilerServices;

namespace FastMmu.Paging.Walk;

/// <summary>One entry that a walk read.</summary>
/// <param name="Level">Paging level, 1 to 5.</param>
/// <param name="EntryAddress">Physical address of the entry; 0 for a PDPTE register.</param>
/// <param name="Raw">The entry as it was read, before accessed and dirty were set.</param>
public readonly record struct WalkStep(int Level, ulong EntryAddress, ulong Raw);

/// <summary>The entries that one walk read, from the top down; at most five.</summary>
public struct WalkPath
{
    [InlineArray(5)]
    private struct Five
    {
        private WalkStep _step0;
    }

    private Five _steps;
    private int _count;

    /// <summary>How many entries were read.</summary>
    public readonly int Count => _count;

    /// <summary>The entry read at a position, 0 for the first.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    public readonly WalkStep this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
            return _steps[index];
        }
    }

    internal void Clear() => _count = 0;

    internal void Add(int level, ulong entryAddress, ulong raw) => _steps[_count++] = new(level, entryAddress, raw);
}
