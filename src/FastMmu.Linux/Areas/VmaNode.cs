using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Linux.Areas;

/// <summary>A node of a <see cref="VmaTree"/> in native memory: up to sixteen areas, or up to sixteen children.</summary>
/// <remarks>
/// <code>
/// offset     0         64           192           320                448           576          1344
///            | header  | Ends[16]   | Starts[16]  | leaf:  Areas[16] of 64 bytes                |
///            |         |            |             | inner: Gaps[16]  | Children[16] |
/// </code>
/// Ends and Starts are the exclusive end of the last, and the start of the first area of an entry; the ends are the keys, and unused ends are
/// all ones, so that a search compares all sixteen. A gap is the largest free range <em>inside</em> a child; the range between two entries is
/// the difference of what stands beside each other here. So what an entry says depends on its own child only, and a change touches one path.
/// A node with more than one reference belongs to several trees, or to several parents, and is never written.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = AreasOffset)]
internal unsafe struct VmaNode
{
    /// <summary>The entries of a node.</summary>
    public const int Capacity = 16;

    private const int EndsOffset = 64;
    private const int StartsOffset = EndsOffset + Capacity * sizeof(ulong);
    private const int AreasOffset = StartsOffset + Capacity * sizeof(ulong);
    private const int GapsOffset = AreasOffset;
    private const int ChildrenOffset = GapsOffset + Capacity * sizeof(ulong);

    /// <summary>The bytes of a leaf.</summary>
    public const int LeafSize = AreasOffset + Capacity * 64;

    /// <summary>The bytes of an inner node.</summary>
    public const int InnerSize = ChildrenOffset + Capacity * sizeof(ulong);

    /// <summary>How many trees and parents point here.</summary>
    [FieldOffset(0)]
    public int References;

    /// <summary>The entries in use.</summary>
    [FieldOffset(4)]
    public int Count;

    /// <summary>The levels below; 0 for a leaf.</summary>
    [FieldOffset(8)]
    public int Level;

    /// <summary>The next spare node.</summary>
    [FieldOffset(16)]
    public VmaNode* NextSpare;

    /// <summary>The exclusive end of each entry.</summary>
    [FieldOffset(EndsOffset)]
    public fixed ulong Ends[Capacity];

    /// <summary>The start of each entry.</summary>
    [FieldOffset(StartsOffset)]
    public fixed ulong Starts[Capacity];

    /// <summary>The areas of a leaf.</summary>
    public static Vma* Areas(VmaNode* leaf) => (Vma*)((byte*)leaf + AreasOffset);

    /// <summary>The largest free range inside each child of an inner node.</summary>
    public static ulong* Gaps(VmaNode* inner) => (ulong*)((byte*)inner + GapsOffset);

    /// <summary>The children of an inner node.</summary>
    public static VmaNode** Children(VmaNode* inner) => (VmaNode**)((byte*)inner + ChildrenOffset);

    /// <summary>The first entry that ends above an address; 16, or an unused entry, if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstAbove(VmaNode* node, ulong address)
    {
        if (Vector512.IsHardwareAccelerated) return FirstAbove512(node->Ends, address);
        return Vector256.IsHardwareAccelerated ? FirstAbove256(node->Ends, address) : FirstAboveScalar(node->Ends, address);
    }

    /// <summary>The reading of <see cref="FirstAbove"/> with two compares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstAbove512(ulong* ends, ulong address)
    {
        Vector512<ulong> wanted = Vector512.Create(address);
        uint low = (uint)Vector512.GreaterThan(Vector512.Load(ends), wanted).ExtractMostSignificantBits();
        uint high = (uint)Vector512.GreaterThan(Vector512.Load(ends + 8), wanted).ExtractMostSignificantBits();
        return BitOperations.TrailingZeroCount(low | high << 8 | 1u << Capacity);
    }

    /// <summary>The reading of <see cref="FirstAbove"/> with four compares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstAbove256(ulong* ends, ulong address)
    {
        Vector256<ulong> wanted = Vector256.Create(address);
        uint above = Vector256.GreaterThan(Vector256.Load(ends), wanted).ExtractMostSignificantBits();
        above |= Vector256.GreaterThan(Vector256.Load(ends + 4), wanted).ExtractMostSignificantBits() << 4;
        above |= Vector256.GreaterThan(Vector256.Load(ends + 8), wanted).ExtractMostSignificantBits() << 8;
        above |= Vector256.GreaterThan(Vector256.Load(ends + 12), wanted).ExtractMostSignificantBits() << 12;
        return BitOperations.TrailingZeroCount(above | 1u << Capacity);
    }

    /// <summary>The reading of <see cref="FirstAbove"/> without vectors: four steps of bisection, and one for the last entry.</summary>
    public static int FirstAboveScalar(ulong* ends, ulong address)
    {
        int first = 0;
        for (int step = Capacity / 2; step > 0; step >>= 1)
        {
            if (ends[first + step - 1] <= address) first += step;
        }

        return first + (ends[first] <= address ? 1 : 0);
    }

    /// <summary>The largest free range between the first start and the last end of a node.</summary>
    public static ulong LargestGap(VmaNode* node)
    {
        ulong largest = 0;
        for (int i = 1; i < node->Count; i++) largest = Math.Max(largest, node->Starts[i] - node->Ends[i - 1]);
        if (node->Level == 0) return largest;

        ulong* gaps = Gaps(node);
        for (int i = 0; i < node->Count; i++) largest = Math.Max(largest, gaps[i]);
        return largest;
    }

    /// <summary>Writes what a child says about itself into its entry.</summary>
    /// <returns>Whether anything changed.</returns>
    public static bool Describe(VmaNode* parent, int slot, VmaNode* child)
    {
        ulong start = child->Starts[0], end = child->Ends[child->Count - 1], gap = LargestGap(child);
        if (parent->Starts[slot] == start && parent->Ends[slot] == end && Gaps(parent)[slot] == gap) return false;

        parent->Starts[slot] = start;
        parent->Ends[slot] = end;
        Gaps(parent)[slot] = gap;
        return true;
    }

    /// <summary>Writes an area into an entry of a leaf.</summary>
    public static void Set(VmaNode* leaf, int slot, in Vma vma)
    {
        leaf->Starts[slot] = vma.Start;
        leaf->Ends[slot] = vma.End;
        Areas(leaf)[slot] = vma;
    }

    /// <summary>Moves the entries from a slot on up by one. The node is not full.</summary>
    public static void OpenSlot(VmaNode* node, int slot)
    {
        Copy(node, slot, node, slot + 1, node->Count - slot);
        node->Count++;
    }

    /// <summary>Drops an entry and moves those behind it down.</summary>
    public static void CloseSlot(VmaNode* node, int slot)
    {
        Copy(node, slot + 1, node, slot, node->Count - slot - 1);
        node->Ends[--node->Count] = ulong.MaxValue;
    }

    /// <summary>Moves the last entries of a node, from a slot on, to the front of another of the same level.</summary>
    public static void MoveTail(VmaNode* from, int slot, VmaNode* to)
    {
        int moved = from->Count - slot;
        Copy(to, 0, to, moved, to->Count);
        Copy(from, slot, to, 0, moved);
        to->Count += moved;
        Truncate(from, slot);
    }

    /// <summary>Moves the first entries of a node behind those of another of the same level.</summary>
    public static void MoveHead(VmaNode* from, int moved, VmaNode* to)
    {
        Copy(from, 0, to, to->Count, moved);
        to->Count += moved;
        Copy(from, moved, from, 0, from->Count - moved);
        Truncate(from, from->Count - moved);
    }

    private static void Truncate(VmaNode* node, int count)
    {
        for (int i = count; i < node->Count; i++) node->Ends[i] = ulong.MaxValue;
        node->Count = count;
    }

    // Callers keep source and target inside the sixteen entries: counts are checked where trees change.
    private static void Copy(VmaNode* from, int source, VmaNode* to, int target, int entries)
    {
        Move(from->Ends + source, to->Ends + target, entries);
        Move(from->Starts + source, to->Starts + target, entries);
        if (from->Level == 0)
        {
            Move(Areas(from) + source, Areas(to) + target, entries);
        }
        else
        {
            Move(Gaps(from) + source, Gaps(to) + target, entries);
            Move((ulong*)(Children(from) + source), (ulong*)(Children(to) + target), entries);
        }
    }

    private static void Move<T>(T* from, T* to, int count)
        where T : unmanaged =>
        new ReadOnlySpan<T>(from, count).CopyTo(new Span<T>(to, count));
}
