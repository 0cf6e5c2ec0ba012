using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// Guest memory for the tables of recorded rows, which lie anywhere below 2^52: blocks of RAM where rows have needed some. A file that
/// scatters its tables costs time, not memory: beyond a number of blocks it starts over, with those that hold something.
/// </summary>
internal sealed class TableMemory : IDisposable
{
    private const int BlockShift = 21;
    private const int MostBlocks = 64;
    // The one that was used last is the last.
    private readonly List<ulong> _blocks = [];
    private readonly List<(ulong Address, int Bytes)> _written = [];

    /// <summary>The memory, replaced by <see cref="Back"/> when it grows.</summary>
    public PhysicalMemory? Memory { get; private set; }

    /// <summary>Puts RAM behind an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Whether <see cref="Memory"/> is a new one, in which only what was noted is as before; else nothing changed.</returns>
    public bool Back(ulong address)
    {
        ulong block = address >> BlockShift;
        if (_blocks.Count > 0 && _blocks[^1] == block) return false;
        bool known = _blocks.Remove(block);
        _blocks.Add(block);
        if (known) return false;

        if (_blocks.Count > MostBlocks) Forget();
        PhysicalMemory? before = Memory;
        Memory = new(_blocks.Order().Select(b => new MemoryRange(b << BlockShift, 1UL << BlockShift)), hugePages: false);
        foreach ((ulong written, int bytes) in _written)
        {
            if (bytes == 4) Memory.Write(written, before!.Read<uint>(written));
            else Memory.Write(written, before!.Read<ulong>(written));
        }

        before?.Dispose();
        return true;
    }

    /// <summary>Notes what was written: anything but zeros has to be kept.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">What.</param>
    /// <param name="bytes">How much of it.</param>
    public void Note(ulong address, ulong value, int bytes)
    {
        // Not by a predicate, which would be made anew for each word.
        int known = _written.Count - 1;
        while (known >= 0 && _written[known].Address != address) known--;
        if (value == 0 && known >= 0) _written.RemoveAt(known);
        else if (value != 0 && known < 0) _written.Add((address, bytes));
    }

    // A row has fewer tables than stay, so those of the current one are among them.
    private void Forget()
    {
        for (int i = 0; i < MostBlocks / 2;)
        {
            if (_written.Exists(w => w.Address >> BlockShift == _blocks[i])) i++;
            else _blocks.RemoveAt(i);
            if (_blocks.Count <= MostBlocks / 2) return;
        }
    }

    public void Dispose() => Memory?.Dispose();
}
