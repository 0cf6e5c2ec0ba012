using System.Numerics;
using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <summary>Tree pseudo-LRU: a binary tree over the ways, each node one bit that points away from the half touched last.</summary>
/// <remarks>
/// <code>
///                 node 1                  bit = 0: the victim is in the left half
///             /           \               bit = 1: in the right half
///         node 2         node 3           node n has children 2n and 2n + 1; bit n of the state is node n
///        /      \       /      \
///      way 0  way 1  way 2   (none)       ways that are no power of two: a half without ways is never chosen
/// </code>
/// </remarks>
public readonly unsafe struct TreePlru : IReplacementPolicy
{
    /// <summary>For node n below 128: the bits of the nodes above it, all in the first word, and of those which shall be 1 after a touch.</summary>
    private static readonly (ulong Above, ulong Right)[] s_paths = Paths();

    /// <inheritdoc/>
    public static int StateBytes(int ways) => ways <= 64 ? 8 : 32;

    /// <inheritdoc/>
    public static void Initialize(byte* state, int ways) => new Span<byte>(state, StateBytes(ways)).Clear();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Touch(byte* state, int ways, int way)
    {
        int leaves = (int)BitOperations.RoundUpToPowerOf2((uint)ways);
        ulong* words = (ulong*)state;
        int node = leaves + way;
        if (leaves > 128) node = TouchParent(words, node);
        if (leaves > 64) node = TouchParent(words, node);
        (ulong above, ulong right) = s_paths[node & 127];
        *words = (*words & ~above) | right;
    }

    /// <inheritdoc/>
    public static int Victim(byte* state, int ways, ref ulong random)
    {
        int leaves = (int)BitOperations.RoundUpToPowerOf2((uint)ways);
        ulong* words = (ulong*)state;
        int node = 1;
        for (int half = leaves >> 1; half > 0; half >>= 1)
        {
            int right = (int)(words[node >> 6] >> node) & 1;
            node = (node << 1) | right;

            // First way of the chosen half: its number within the tree's row, times the ways a node of the row covers.
            int firstWay = (node * half) - leaves;
            if (firstWay >= ways) node &= ~1;
        }

        return node - leaves;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TouchParent(ulong* words, int node)
    {
        int parent = node >> 1;
        ulong* word = words + (parent >> 6);
        *word = (*word & ~(1UL << parent)) | ((ulong)(~node & 1) << parent);
        return parent;
    }

    private static (ulong Above, ulong Right)[] Paths()
    {
        var paths = new (ulong Above, ulong Right)[128];
        for (int leaf = 1; leaf < paths.Length; leaf++)
        {
            for (int node = leaf; node > 1; node >>= 1)
            {
                // The parent's bit points at this node's sibling: right when this node is the left, even one.
                ulong parent = 1UL << (node >> 1);
                paths[leaf].Above |= parent;
                if ((node & 1) == 0) paths[leaf].Right |= parent;
            }
        }

        return paths;
    }
}
