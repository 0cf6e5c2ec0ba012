using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Areas;

/// <summary>The way from the root of a <see cref="VmaTree"/> to an entry of a leaf: a node and an entry at each level.</summary>
internal unsafe struct VmaPath
{
    /// <summary>More levels than a tree of 2^31 areas has: a node off the edges holds at least five entries.</summary>
    public const int MaxLevels = 16;

    private PathNodes _nodes;
    private PathSlots _slots;

    /// <summary>The level of the root.</summary>
    public int Height;

    /// <summary>The node at a level; 0 is the leaf.</summary>
    public readonly VmaNode* Node(int level) => (VmaNode*)_nodes[level];

    /// <summary>The entry at a level.</summary>
    public readonly int Slot(int level) => _slots[level];

    /// <summary>Writes a step of the way.</summary>
    public void Set(int level, VmaNode* node, int slot)
    {
        _nodes[level] = (nint)node;
        _slots[level] = slot;
    }

    /// <summary>The end of the area before the entry of the leaf, or 0 if it is the first.</summary>
    public readonly ulong EndBefore()
    {
        for (int level = 0; level <= Height; level++)
        {
            if (_slots[level] > 0) return Node(level)->Ends[_slots[level] - 1];
        }

        return 0;
    }

    /// <summary>The start of the area behind the entry of the leaf.</summary>
    /// <returns>Whether there is one.</returns>
    public readonly bool TryStartBehind(out ulong start)
    {
        for (int level = 0; level <= Height; level++)
        {
            VmaNode* node = Node(level);
            if (_slots[level] + 1 < node->Count)
            {
                start = node->Starts[_slots[level] + 1];
                return true;
            }
        }

        start = 0;
        return false;
    }

    /// <summary>Whether the entry of the leaf is the first of the tree.</summary>
    public readonly bool IsFirst
    {
        get
        {
            for (int level = 0; level <= Height; level++)
            {
                if (_slots[level] > 0) return false;
            }

            return true;
        }
    }

    [InlineArray(MaxLevels)]
    private struct PathNodes
    {
        private nint _first;
    }

    [InlineArray(MaxLevels)]
    private struct PathSlots
    {
        private int _first;
    }
}
