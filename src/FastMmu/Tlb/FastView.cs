using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>
/// What a probe of the fast table reads of one virtual CPU, in native memory that stays where it is: code that a JIT made may have its address in it.
/// </summary>
/// <remarks>
/// <code>
/// byte  0            8 + 8·row                    136          144
///      +------------+----------------------------+------------+-------------------------------
///      | generation | table of each row      ... | packed key | what only batches read  ...
///      +------------+----------------------------+------------+-------------------------------
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FastView
{
    /// <summary>The generation of the current context: the low bits of a tag.</summary>
    internal ulong Generation;

    /// <summary>Each row's <see cref="AddendTable"/>, in the bank of the current context; never null.</summary>
    internal fixed ulong Rows[FastRows.Stride];

    /// <summary>The generation in its place in a <see cref="PackedTable"/>.</summary>
    internal ulong PackedKey;

    /// <summary>Added to an address so that the canonical ones are those with no bit of <see cref="SignMask"/>.</summary>
    internal ulong SignBias;

    /// <summary>The bits above a canonical address.</summary>
    internal ulong SignMask;

    /// <summary>The generation of the current context in its place in the leaf-table cache.</summary>
    internal ulong StructureKey;

    /// <summary>Each row's <see cref="PackedTable"/>, in the bank of the current context; never null.</summary>
    internal fixed ulong PackedRows[FastRows.Stride];

    /// <summary>Looks an access up. One compare decides.</summary>
    /// <param name="linear">The address of its first byte.</param>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="physical">The physical address, if the table has it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool TryFind(ulong linear, int size, int row, out ulong physical)
    {
        ulong* entry = AddendTable.EntryOf((byte*)Rows[row], linear);
        if (entry[0] == AddendTable.TagOf(linear + (ulong)(size - 1), Generation))
        {
            physical = linear + entry[1];
            return true;
        }

        physical = 0;
        return false;
    }
}

/// <summary>The memory of a view. It stays as long as somebody may look through it, which is longer than the tables.</summary>
internal sealed unsafe class FastViewMemory
{
    internal FastViewMemory()
    {
        View = (FastView*)NativeMemory.AlignedAlloc((nuint)sizeof(FastView), 64);
        *View = default;
    }

    ~FastViewMemory() => NativeMemory.AlignedFree(View);

    internal FastView* View { get; }
}
