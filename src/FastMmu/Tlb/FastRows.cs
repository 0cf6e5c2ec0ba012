using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <summary>
/// The memory of one form of the fast table: a table for each row of accesses and each bank of contexts, made at its first use.
/// </summary>
/// <remarks>Owned by one virtual CPU; not thread-safe.</remarks>
internal sealed unsafe class FastRows
{
    /// <summary>Rows of a bank, with room to copy them as four vectors.</summary>
    internal const int Stride = 16;

    // What a row without a table points to, in all processors of the process, for ever: nothing is ever found in zeros.
    private static readonly byte* Empty = AllocateZeroed(Math.Max(PackedTable.Bytes, AddendTable.Bytes));

    private readonly nuint _bytes;
    private readonly ulong* _rows;
    private ulong _made;
    private bool _released;

    internal FastRows(nuint bytes)
    {
        _bytes = bytes;
        _rows = (ulong*)NativeMemory.AlignedAlloc(FastTable.Banks * Stride * sizeof(ulong), 64);
        new Span<ulong>(_rows, FastTable.Banks * Stride).Fill((ulong)Empty);
    }

    ~FastRows()
    {
        Release();
        NativeMemory.AlignedFree(_rows);
    }

    /// <summary>Whether a row is one that was never made.</summary>
    internal static bool IsEmpty(byte* table) => table == Empty;

    /// <summary>Rows of a bank that were made, a bit each.</summary>
    internal uint Made(int bank) => (ushort)(_made >> (bank * Stride));

    /// <summary>The table of a row; never null.</summary>
    internal byte* Row(int bank, int row) => (byte*)_rows[(bank * Stride) + row];

    /// <summary>Copies the tables of a bank to where probes read them.</summary>
    internal void CopyTo(int bank, ulong* rows)
    {
        ulong* from = _rows + (bank * Stride);
        for (int i = 0; i < Stride; i += 4) Vector256.Load(from + i).Store(rows + i);
    }

    /// <summary>Makes the table of a row: all zero.</summary>
    internal byte* Make(int bank, int row)
    {
        ObjectDisposedException.ThrowIf(_released, this);
        byte* table = AllocateZeroed(_bytes);
        _rows[(bank * Stride) + row] = (ulong)table;
        _made |= 1UL << ((bank * Stride) + row);
        return table;
    }

    /// <summary>Clears all tables: nothing is found any more, under any key that somebody may still hold.</summary>
    internal void Wipe()
    {
        for (ulong left = _made; left != 0; left &= left - 1) NativeMemory.Clear((void*)_rows[BitOperations.TrailingZeroCount(left)], _bytes);
    }

    /// <summary>Frees the tables; no more can be made. Rows can still be asked for: they have nothing.</summary>
    internal void Release()
    {
        for (; _made != 0; _made &= _made - 1)
        {
            ref ulong row = ref _rows[BitOperations.TrailingZeroCount(_made)];
            NativeMemory.AlignedFree((void*)row);
            row = (ulong)Empty;
        }

        _released = true;
    }

    private static byte* AllocateZeroed(nuint bytes)
    {
        byte* table = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(table, bytes);
        return table;
    }
}
