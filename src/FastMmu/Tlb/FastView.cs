using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>
/// What a probe of the fast table reads of one virtual CPU, in native memory that stays where it is: code that a JIT made may have its address in it.
/// </summary>
/// <remarks>
/// <code>
/// byte  0     8          16         24 + 8·row
///      +-----+----------+----------+--------------------------+
///      | key | signbias | signmask | entries of each row  ... |
///      +-----+----------+----------+--------------------------+
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FastView
{
    /// <summary>The generation of the current context, in place.</summary>
    internal ulong Key;

    /// <summary>Added to an address so that the canonical ones are those with no bit of <see cref="SignMask"/>.</summary>
    internal ulong SignBias;

    /// <summary>The bits above a canonical address.</summary>
    internal ulong SignMask;

    /// <summary>The first entry of each row, in the bank of the current context; never null.</summary>
    internal fixed ulong Rows[FastTable.Rows];

    /// <summary>The entries of a row.</summary>
    /// <param name="row">From 0 to <see cref="FastTable.Rows"/> − 1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly ulong* Row(int row) => (ulong*)Rows[row];

    /// <summary>Looks an address up. One compare decides.</summary>
    /// <param name="linear">The address.</param>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="frame">The number of its frame, if the table has it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool TryFind(ulong linear, int row, out ulong frame)
    {
        frame = Row(row)[FastTable.SlotOf(linear)] ^ FastTable.TagOf(linear) ^ Key;
        return (frame | ((linear + SignBias) & SignMask)) <= FastTable.LastFrame;
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
