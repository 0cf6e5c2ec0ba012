using System.Runtime.InteropServices;
using FastMmu.Memory;

namespace FastMmu.Linux.Pages;

/// <summary>Page tables in the host's memory, for all processes of a machine that has none in the guest's.</summary>
/// <remarks>
/// The host backs a table when it is first touched. Freed tables are used again, the last one freed first; with the last one that is in use, all memory goes back to the host.
/// A machine that nobody refers to any more leaves nothing behind either. Not thread-safe, as the page allocator.
/// </remarks>
/// <param name="most">How many tables there may be at once.</param>
internal sealed unsafe class HostTables(ulong most)
{
    internal const int TableBytes = 4096;

    // Committed at once, so that few tables cost few calls and many do not cost a call each.
    private const ulong Step = 256;

    private NativeRegion? _region;
    private ulong _committed;
    private ulong _fresh;

    // Each begins with the address of the next.
    private ulong _firstFree;

    /// <summary>Tables in use.</summary>
    internal ulong Live { get; private set; }

    /// <summary>Bytes that are in use, or were since the last time that none was.</summary>
    internal ulong Bytes => _fresh * TableBytes;

    /// <summary>Takes an empty table.</summary>
    /// <param name="table">Its address.</param>
    /// <returns>False when there may be no more, or the host has no memory.</returns>
    internal bool TryTake(out ulong table)
    {
        table = _firstFree;
        if (table != 0)
        {
            _firstFree = *(ulong*)table;
            NativeMemory.Clear((void*)table, TableBytes);
        }
        else if (_fresh < _committed || TryCommit())
        {
            table = (ulong)_region!.Base + (_fresh++ * TableBytes);
        }
        else
        {
            return false;
        }

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
            _region!.Dispose();
            _region = null;
            _committed = _fresh = _firstFree = 0;
        }
    }

    private bool TryCommit()
    {
        ulong count = Math.Min(Step, most - _committed);
        if (count == 0)
        {
            return false;
        }

        try
        {
            _region ??= new NativeRegion(most * TableBytes);
            _region.Commit(_committed * TableBytes, count * TableBytes, hugePages: false);
        }
        catch (InsufficientMemoryException)
        {
            // To the guest it is a machine whose memory is used up, as it is where tables are in its own.
            return false;
        }

        _committed += count;
        return true;
    }
}
