using System.Runtime.InteropServices;

namespace FastMmu.Linux.Pages;

/// <summary>Page tables in the host's memory, for all processes of a machine that has none in the guest's.</summary>
/// <remarks>
/// They come in blocks, small ones first, so that a process costs little and many tables few calls of the host. Freed tables are used again, the last one freed first; with the
/// last one in use all blocks go back. Where nobody disposes, the finalizer does. Not thread-safe, as the page allocator.
/// </remarks>
/// <param name="most">How many tables there may be at once.</param>
internal sealed unsafe class HostTables(ulong most)
{
    internal const int TableBytes = 4096;

    // A small process; and what a block grows to, each twice as large as the one before.
    private const ulong FirstBlock = 16;
    private const ulong LargestBlock = 256;
    private const int DoublingBlocks = 4;

    private readonly List<nint> _blocks = [];
    private ulong _made;

    // What no table was taken from yet, of the last block.
    private ulong _fresh;
    private ulong _left;

    // Each begins with the address of the next.
    private ulong _firstFree;

    ~HostTables() => Release();

    /// <summary>Tables in use.</summary>
    internal ulong Live { get; private set; }

    /// <summary>Bytes taken from the host.</summary>
    internal ulong Bytes => _made * TableBytes;

    /// <summary>Takes an empty table.</summary>
    /// <param name="table">Its address.</param>
    /// <returns>False when there may be no more, or the host has no memory.</returns>
    internal bool TryTake(out ulong table)
    {
        table = _firstFree;
        if (table != 0)
        {
            _firstFree = *(ulong*)table;
        }
        else if (_left > 0 || TryMakeBlock())
        {
            table = _fresh;
            _fresh += TableBytes;
            _left--;
        }
        else
        {
            return false;
        }

        NativeMemory.Clear((void*)table, TableBytes);
        Live++;
        return true;
    }

    /// <summary>Gives a table back.</summary>
    /// <param name="table">Its address.</param>
    internal void Put(ulong table)
    {
        *(ulong*)table = _firstFree;
        _firstFree = table;
        if (--Live == 0)
        {
            Release();
        }
    }

    private bool TryMakeBlock()
    {
        ulong count = Math.Min(_blocks.Count < DoublingBlocks ? FirstBlock << _blocks.Count : LargestBlock, most - _made);
        if (count == 0)
        {
            return false;
        }

        void* block;
        try
        {
            block = NativeMemory.AlignedAlloc((nuint)(count * TableBytes), TableBytes);
        }
        catch (OutOfMemoryException)
        {
            // To the guest it is a machine whose memory is used up, as it is where tables are in its own.
            return false;
        }

        _blocks.Add((nint)block);
        _made += count;
        _fresh = (ulong)block;
        _left = count;
        return true;
    }

    private void Release()
    {
        foreach (nint block in _blocks)
        {
            NativeMemory.AlignedFree((void*)block);
        }

        _blocks.Clear();
        _made = _left = _firstFree = 0;
    }
}
