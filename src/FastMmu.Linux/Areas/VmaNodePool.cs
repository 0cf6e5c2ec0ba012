using System.Runtime.InteropServices;

namespace FastMmu.Linux.Areas;

/// <summary>Where the nodes of a tree and of all its forks come from: native memory, counted.</summary>
/// <remarks>Safe for trees of several threads: only the counters of references and of nodes are shared, and both change atomically.</remarks>
internal sealed unsafe class VmaNodePool
{
    private long _liveNodes;

    /// <summary>The nodes that no tree has given back yet.</summary>
    public long LiveNodes => Interlocked.Read(ref _liveNodes);

    /// <summary>An empty node with one reference.</summary>
    public VmaNode* Take(int level)
    {
        // Aligned to cache lines: each half of the keys is one line, and each area is one.
        var node = (VmaNode*)NativeMemory.AlignedAlloc((nuint)(level == 0 ? VmaNode.LeafSize : VmaNode.InnerSize), 64);
        Interlocked.Increment(ref _liveNodes);
        Prepare(node, level);
        return node;
    }

    /// <summary>Makes a spare node an empty one with one reference.</summary>
    public static void Prepare(VmaNode* node, int level)
    {
        node->References = 1;
        node->Count = 0;
        node->Level = level;
        node->NextSpare = null;
        new Span<ulong>(node->Ends, VmaNode.Capacity).Fill(ulong.MaxValue);
    }

    /// <summary>Gives the memory of a node back, without looking at its children.</summary>
    public void Free(VmaNode* node)
    {
        NativeMemory.AlignedFree(node);
        Interlocked.Decrement(ref _liveNodes);
    }

    /// <summary>Gives up one reference to a node; with the last one, the node and what it alone holds are freed.</summary>
    public void Release(VmaNode* node)
    {
        if (Interlocked.Decrement(ref node->References) != 0) return;
        if (node->Level > 0)
        {
            VmaNode** children = VmaNode.Children(node);
            for (int i = 0; i < node->Count; i++) Release(children[i]);
        }

        Free(node);
    }

    /// <summary>A copy of a node that one tree may write, in exchange for that tree's reference to the original.</summary>
    /// <remarks>
    /// The order matters to a tree of another thread that shares the node: it may write the original as soon as it holds the only
    /// reference, so ours is given up after the last read.
    /// </remarks>
    public void Unshare(VmaNode* node, VmaNode* copy)
    {
        long size = node->Level == 0 ? VmaNode.LeafSize : VmaNode.InnerSize;
        Buffer.MemoryCopy(node, copy, size, size);
        copy->References = 1;
        if (node->Level > 0)
        {
            VmaNode** children = VmaNode.Children(node);
            for (int i = 0; i < node->Count; i++) Interlocked.Increment(ref children[i]->References);
        }

        Release(node);
    }
}
