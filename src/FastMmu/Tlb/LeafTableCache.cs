using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>
/// Which page table, or which large page, translates a 2-MiB region: what lets a batch read leaf entries directly, with many reads in flight.
/// Four-level and five-level paging only.
/// </summary>
/// <remarks>
/// <code>
/// entry:    63            44 43           32   31   30  29    28    27                   0
///          +----------------+---------------+----+----+----+-------+---------------------+
///          |   generation   | linear 47:36  | XD | U  | W  | large | physical bits 39:12 |    widths for 48-bit linear addresses
///          +----------------+---------------+----+----+----+-------+---------------------+
/// slot:     linear bits 35:21                 XD, U, W: rights of the path above a table, or of the whole path to a large page
/// </code>
/// A paging-structure cache: an entry may be used until INVLPG, a page fault or a register write drops it. Large pages are marked
/// accessed (and dirty in rows of writes) before they enter, and one whose rights refuse the row never enters.
/// Source: Intel SDM vol. 3A, "Paging-Structure Caches" (4.10.3).
/// </remarks>
internal sealed unsafe class LeafTableCache : IDisposable
{
    internal const int SlotBits = 15;
    internal const int Slots = 1 << SlotBits;
    internal const uint LargeBit = 1u << 28;
    internal const int RightsShift = 29;
    internal const uint FrameMask = (1u << 28) - 1;

    /// <summary>Where the slot is in an address, as BEXTR wants it: first bit, and number of bits in the second byte.</summary>
    internal const ushort SlotControl = 21 | (SlotBits << 8);

    /// <summary>The bits of an address that say where in a large page's 2 MiB it is.</summary>
    internal const ulong LargeOffset = (1 << 21) - 1;

    /// <summary>Those that say in which of its 4-KiB parts.</summary>
    internal const ulong PartMask = LargeOffset & ~0xfffUL;

    private const nuint TableBytes = Slots * (sizeof(ulong) + sizeof(uint));

    private readonly nint[] _rows = new nint[FastTable.Rows], _blocks = new nint[FastTable.Rows];
    private bool _disposed;

    ~LeafTableCache() => Free();

    /// <summary>The slot of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint SlotOf(ulong linear) => (nuint)(linear >> 21) & (Slots - 1);

    /// <summary>The tag of an address, without generation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong TagOf(ulong linear) => linear >> (21 + SlotBits) << 32;

    /// <summary>The entries of a row, made at its first use.</summary>
    internal ulong* Row(int row)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ulong* table = (ulong*)_rows[row];
        return table != null ? table : Make(row);
    }

    /// <summary>The entries of a row, or null as long as nobody has asked for them.</summary>
    internal ulong* RowInUse(int row) => (ulong*)_rows[row];

    /// <summary>Remembers a table or a large page.</summary>
    /// <param name="table">From <see cref="Row"/>.</param>
    /// <param name="linear">An address in the region.</param>
    /// <param name="key">The generation in place.</param>
    /// <param name="data">Frame number, large bit, rights.</param>
    /// <param name="attributes">Those of a large page, as <see cref="Translation.AttributesOf"/> has them.</param>
    internal static void Insert(ulong* table, ulong linear, ulong key, uint data, uint attributes)
    {
        nuint slot = SlotOf(linear);
        table[slot] = TagOf(linear) ^ key ^ data;
        ((uint*)(table + Slots))[slot] = attributes;
    }

    /// <summary>The attributes of a large page that is remembered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Attributes(ulong* table, ulong linear) => ((uint*)(table + Slots))[SlotOf(linear)];

    /// <summary>Drops what is remembered for the region of an address, in every context.</summary>
    internal void ForgetRegion(ulong linear)
    {
        foreach (nint row in _rows)
        {
            if (row != 0) ((ulong*)row)[SlotOf(linear)] = 0;
        }
    }

    /// <summary>Drops everything.</summary>
    internal void Wipe()
    {
        foreach (nint row in _rows)
        {
            if (row != 0) NativeMemory.Clear((void*)row, TableBytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    // Memory that comes zeroed costs nothing where no region's entry is: most rows see few regions.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* Make(int row)
    {
        _blocks[row] = (nint)NativeMemory.AllocZeroed(TableBytes + 64);
        _rows[row] = (_blocks[row] + 63) & ~63;
        return (ulong*)_rows[row];
    }

    private void Free()
    {
        _disposed = true;
        Array.Clear(_rows);
        foreach (ref nint block in _blocks.AsSpan())
        {
            NativeMemory.Free((void*)block);
            block = 0;
        }
    }
}
