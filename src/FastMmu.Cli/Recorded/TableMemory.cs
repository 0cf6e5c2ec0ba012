using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// Guest memory for the tables of recorded rows, which lie anywhere below 2^52: blocks of RAM where rows have needed some. A file that
/// scatters its tables costs time, not memory: beyond a number of blocks it starts over.
/// </summary>
internal sealed class TableMemory : IDisposable
{
    private const int BlockShift = 21;
    private const int MostBlocks = 64;
    private readonly SortedSet<ulong> _blocks = [];

    /// <summary>The memory, replaced by <see cref="Back"/> when it grows.</summary>
    public PhysicalMemory? Memory { get; private set; }

    /// <summary>Puts RAM behind the addresses.</summary>
    /// <returns>Whether <see cref="Memory"/> is a new one, all zero.</returns>
    public bool Back(ReadOnlySpan<ulong> addresses)
    {
        bool known = Memory is not null;
        foreach (ulong address in addresses) known &= _blocks.Contains(address >> BlockShift);
        if (known) return false;

        if (_blocks.Count + addresses.Length > MostBlocks) _blocks.Clear();
        foreach (ulong address in addresses) _blocks.Add(address >> BlockShift);
        Memory?.Dispose();
        Memory = new(_blocks.Select(block => new MemoryRange(block << BlockShift, 1UL << BlockShift)), hugePages: false);
        return true;
    }

    public void Dispose() => Memory?.Dispose();
}
