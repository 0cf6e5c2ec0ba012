using System.Runtime.InteropServices;

namespace FastMmu.Linux.Physical;

/// <summary>
/// The pages that one processor keeps of one zone (per_cpu_pages), so that most requests touch no shared list: a list for each order 0 to 3
/// and kind, and two for 2-MiB pages. Linked through the page descriptors; taken and given back at the head, given up at the tail.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PerCpuPages
{
    internal const int Kinds = 3;
    internal const int LargestSmallOrder = 3;
    internal const int HugeOrder = 9;
    internal const int Lists = (Kinds * (LargestSmallOrder + 1)) + 2;

    internal int Count;
    internal int High;
    internal int Batch;
    internal int HighMin;
    internal int HighMax;
    internal int NextList;
    internal fixed ulong Heads[Lists];
    internal fixed ulong Tails[Lists];

    /// <summary>Whether blocks of an order are kept at all.</summary>
    internal static bool Keeps(int order) => order is <= LargestSmallOrder or HugeOrder;

    /// <summary>The list of an order and a kind.</summary>
    internal static int ListOf(int order, MigrateType type) =>
        order == HugeOrder ? Lists - 2 + (type == MigrateType.Movable ? 1 : 0) : (Kinds * order) + (int)type;

    /// <summary>The order of the blocks of a list.</summary>
    internal static int OrderOf(int list) => list >= Lists - 2 ? HugeOrder : list / Kinds;
}
