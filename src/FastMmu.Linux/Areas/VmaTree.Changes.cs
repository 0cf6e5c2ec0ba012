namespace FastMmu.Linux.Areas;

public sealed unsafe partial class VmaTree
{
    // Fewer entries than this make a node take from, or join, its sibling; joined nodes keep room, so that a change and its reverse do not
    // join and split for ever.
    private const int FewEntries = 5;
    private const int MostJoined = 12;

    // Nodes kept for the next split: mprotect and munmap in the middle of an area make and drop them in turns.
    private const int MostSpares = 4;

    private VmaNode* _spareLeaves, _spareInners;
    private int _spareLeafCount, _spareInnerCount;

    // Where the last insertion went: a run of them in one direction leaves full nodes behind.
    private ulong _lastInserted;

    /// <summary>Adds an area.</summary>
    /// <param name="vma">The area.</param>
    /// <exception cref="ArgumentException">It is empty or overlaps another.</exception>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public void Insert(in Vma vma)
    {
        ThrowIfDisposed();
        // A copy: the argument may lie in a node that moves.
        Vma area = vma;
        if (area.Start >= area.End) throw Misplaced();
        if (!TryDescend(area.Start, out VmaPath path))
        {
            _root = TakeNode(0);
            _root->Count = 1;
            VmaNode.Set(_root, 0, area);
        }
        else
        {
            VmaNode* leaf = path.Node(0);
            int slot = path.Slot(0);
            if (slot < leaf->Count && leaf->Starts[slot] < area.End) throw Misplaced();

            Own(ref path);
            leaf = path.Node(0);
            if (leaf->Count < VmaNode.Capacity)
            {
                VmaNode.OpenSlot(leaf, slot);
                VmaNode.Set(leaf, slot, area);
                DescribeAbove(ref path, 0);
            }
            else
            {
                InsertSplitting(ref path, area);
            }
        }

        _lastInserted = area.Start;
        Changed(_count + 1);
    }

    /// <summary>Removes the area that starts at an address.</summary>
    /// <param name="start">Its start.</param>
    /// <exception cref="ArgumentException">No area starts there.</exception>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public void Remove(ulong start)
    {
        VmaPath path = DescendTo(start);
        Own(ref path);
        RemoveEntry(ref path);
        Changed(_count - 1);
    }

    /// <summary>Puts another value in place of the area that starts at an address; its edges may move as long as neighbours are not touched.</summary>
    /// <param name="start">The start of the area as it is.</param>
    /// <param name="vma">The area as it shall be.</param>
    /// <exception cref="ArgumentException">No area starts there, or the new one is empty or overlaps a neighbour.</exception>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public void Replace(ulong start, in Vma vma)
    {
        Vma area = vma;
        VmaPath path = DescendTo(start);
        if (area.Start >= area.End || area.Start < path.EndBefore() || (path.TryStartBehind(out ulong behind) && area.End > behind))
        {
            throw Misplaced();
        }

        Own(ref path);
        VmaNode.Set(path.Node(0), path.Slot(0), area);
        DescribeAbove(ref path, 0);
        Changed(_count);
    }

    /// <summary>The nodes kept for the next splits.</summary>
    internal int SpareNodes => _spareLeafCount + _spareInnerCount;

    private static ArgumentException Misplaced() => new("An area must not be empty and not overlap another.", "vma");

    // The way to the first area that ends above an address, or behind the last one.
    private bool TryDescend(ulong address, out VmaPath path)
    {
        VmaNode* node = _root;
        path = default;
        if (node == null) return false;

        path.Height = node->Level;
        for (int level = node->Level; level > 0; level--)
        {
            int slot = Math.Min(VmaNode.FirstAbove(node, address), node->Count - 1);
            path.Set(level, node, slot);
            node = VmaNode.Children(node)[slot];
        }

        path.Set(0, node, Math.Min(VmaNode.FirstAbove(node, address), node->Count));
        return true;
    }

    private VmaPath DescendTo(ulong start)
    {
        ThrowIfDisposed();
        if (TryDescend(start, out VmaPath path) && path.Slot(0) < path.Node(0)->Count && path.Node(0)->Starts[path.Slot(0)] == start) return path;
        throw new ArgumentException($"No area starts at 0x{start:x}.", nameof(start));
    }

    // Copies what other trees use too. From the root down: copying a parent makes its children shared.
    private void Own(ref VmaPath path)
    {
        for (int level = path.Height; level >= 0; level--)
        {
            VmaNode* node = path.Node(level), own = Own(node);
            if (own == node) continue;
            path.Set(level, own, path.Slot(level));
            if (level == path.Height)
            {
                _root = own;
            }
            else
            {
                VmaNode.Children(path.Node(level + 1))[path.Slot(level + 1)] = own;
            }
        }
    }

    private VmaNode* Own(VmaNode* node)
    {
        // Only this tree can reach a node whose one reference is on this tree's path, so nobody raises the counter meanwhile.
        if (Volatile.Read(ref node->References) == 1) return node;
        VmaNode* copy = TakeNode(node->Level);
        _pool.Unshare(node, copy);
        return copy;
    }

    private VmaNode* OwnChild(VmaNode* parent, int slot) => VmaNode.Children(parent)[slot] = Own(VmaNode.Children(parent)[slot]);

    private static void DescribeAbove(ref VmaPath path, int level)
    {
        for (; level < path.Height; level++)
        {
            if (!VmaNode.Describe(path.Node(level + 1), path.Slot(level + 1), path.Node(level))) return;
        }
    }

    private void InsertSplitting(ref VmaPath path, in Vma area)
    {
        VmaNode* node = path.Node(0);
        int slot = path.Slot(0);
        bool rises = slot > 0 && node->Starts[slot - 1] == _lastInserted;
        bool falls = slot < node->Count && node->Starts[slot] == _lastInserted;
        bool first = path.IsFirst;
        int at = first ? 0 : slot == VmaNode.Capacity ? slot : SplitAt(slot, rises || falls);
        VmaNode* right = TakeNode(0);
        VmaNode.MoveTail(node, at, right);
        if (slot < at || (slot == at && (falls || first)))
        {
            VmaNode.OpenSlot(node, slot);
            VmaNode.Set(node, slot, area);
        }
        else
        {
            VmaNode.OpenSlot(right, slot - at);
            VmaNode.Set(right, slot - at, area);
        }

        for (int level = 1; level <= path.Height; level++)
        {
            VmaNode* parent = path.Node(level);
            slot = path.Slot(level) + 1;
            VmaNode.Describe(parent, slot - 1, node);
            if (parent->Count < VmaNode.Capacity)
            {
                InsertChild(parent, slot, right);
                DescribeAbove(ref path, level);
                return;
            }

            // At the edges, one side stays full: whole trees are built from there.
            at = first ? 1 : slot == VmaNode.Capacity && IsLast(ref path, level) ? slot : SplitAt(slot, rises || falls);
            VmaNode* rightParent = TakeNode(level);
            VmaNode.MoveTail(parent, at, rightParent);
            if (slot < at || (slot == at && falls && !first))
            {
                InsertChild(parent, slot, right);
            }
            else
            {
                InsertChild(rightParent, slot - at, right);
            }

            node = parent;
            right = rightParent;
        }

        _root = TakeNode(path.Height + 1);
        InsertChild(_root, 0, node);
        InsertChild(_root, 1, right);
    }

    // A run of insertions goes on at the slot, so what lies on the other side of it is left as full as it is.
    private static int SplitAt(int slot, bool run) =>
        run ? Math.Clamp(slot, FewEntries, VmaNode.Capacity - FewEntries) : VmaNode.Capacity / 2;

    private static bool IsLast(ref VmaPath path, int level)
    {
        for (level++; level <= path.Height; level++)
        {
            if (path.Slot(level) + 1 < path.Node(level)->Count) return false;
        }

        return true;
    }

    private static void InsertChild(VmaNode* parent, int slot, VmaNode* child)
    {
        VmaNode.OpenSlot(parent, slot);
        VmaNode.Children(parent)[slot] = child;
        VmaNode.Describe(parent, slot, child);
    }

    private void RemoveEntry(ref VmaPath path)
    {
        for (int level = 0; ; level++)
        {
            VmaNode* node = path.Node(level);
            VmaNode.CloseSlot(node, path.Slot(level));
            if (level == path.Height)
            {
                LowerRoot();
                return;
            }

            VmaNode* parent = path.Node(level + 1);
            if (node->Count == 0)
            {
                KeepSpare(node);
            }
            else if (node->Count >= FewEntries || parent->Count == 1)
            {
                DescribeAbove(ref path, level);
                return;
            }
            else if (!TryJoin(ref path, level + 1))
            {
                DescribeAbove(ref path, level + 1);
                return;
            }
        }
    }

    // Joins the child of the path with its sibling, and moves the path to the entry that is left over; or evens the two out.
    private bool TryJoin(ref VmaPath path, int level)
    {
        VmaNode* parent = path.Node(level);
        int slot = Math.Max(0, path.Slot(level) - 1);
        VmaNode* left = OwnChild(parent, slot), right = OwnChild(parent, slot + 1);
        int sum = left->Count + right->Count;
        bool joins = sum <= MostJoined;
        if (joins)
        {
            VmaNode.MoveHead(right, right->Count, left);
            KeepSpare(right);
            path.Set(level, parent, slot + 1);
        }
        else if (left->Count > sum / 2)
        {
            VmaNode.MoveTail(left, sum / 2, right);
        }
        else
        {
            VmaNode.MoveHead(right, (sum / 2) - left->Count, left);
        }

        VmaNode.Describe(parent, slot, left);
        if (!joins) VmaNode.Describe(parent, slot + 1, right);
        return joins;
    }

    private void LowerRoot()
    {
        while (_root->Level > 0 && _root->Count == 1)
        {
            VmaNode* child = VmaNode.Children(_root)[0];
            KeepSpare(_root);
            _root = child;
        }

        if (_root->Count > 0) return;
        KeepSpare(_root);
        _root = null;
    }

    private void Changed(int count)
    {
        _count = count;
        _lastHit = null;
        Version++;
        GC.KeepAlive(this);
    }

    private VmaNode* TakeNode(int level)
    {
        ref int count = ref level == 0 ? ref _spareLeafCount : ref _spareInnerCount;
        if (count == 0) return _pool.Take(level);
        count--;
        VmaNode* node = level == 0 ? _spareLeaves : _spareInners;
        if (level == 0)
        {
            _spareLeaves = node->NextSpare;
        }
        else
        {
            _spareInners = node->NextSpare;
        }

        VmaNodePool.Prepare(node, level);
        return node;
    }

    // The node is this tree's own, and what it held is elsewhere.
    private void KeepSpare(VmaNode* node)
    {
        bool leaf = node->Level == 0;
        ref int count = ref leaf ? ref _spareLeafCount : ref _spareInnerCount;
        if (count == MostSpares)
        {
            _pool.Free(node);
            return;
        }

        count++;
        node->NextSpare = leaf ? _spareLeaves : _spareInners;
        if (leaf)
        {
            _spareLeaves = node;
        }
        else
        {
            _spareInners = node;
        }
    }

    private void ReleaseNodes()
    {
        if (_root != null) _pool.Release(_root);
        _root = null;
        _lastHit = null;
        for (; _spareLeafCount > 0; _spareLeafCount--)
        {
            VmaNode* node = _spareLeaves;
            _spareLeaves = node->NextSpare;
            _pool.Free(node);
        }

        for (; _spareInnerCount > 0; _spareInnerCount--)
        {
            VmaNode* node = _spareInners;
            _spareInners = node->NextSpare;
            _pool.Free(node);
        }
    }
}
