using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Areas;

/// <summary>The areas of one address space, sorted and disjoint: a B+tree of sixteen-entry nodes in native memory.</summary>
/// <remarks>
/// A search compares an address with all ends of a node at once, takes one step a level (two levels hold 256 areas, four 65,536), and remembers its
/// last answer. Every inner entry knows the largest free range of its child, so the highest and the lowest gap of a length are found in
/// O(log n). Nodes count their references: <see cref="Fork"/> shares all of them and costs the same for any size, and a change copies the
/// nodes on its path that others still use.
/// <para>
/// Threads: any number may read one tree, or one may change it, under a lock of the owner (mmap_lock). Trees that share nodes through
/// <see cref="Fork"/> are independent of each other, and need no common lock. Disposing a tree frees what it alone holds; a tree that is
/// collected without it is freed by its finaliser.
/// </para>
/// <para>Nothing here allocates managed memory, except a new tree.</para>
/// </remarks>
public sealed unsafe partial class VmaTree : IDisposable
{
    private readonly VmaNodePool _pool;
    private VmaNode* _root;

    // The answer of the last search. Readers race for it, so it is one word, and its edges are read where it points.
    private Vma* _lastHit;

    private int _count;
    private bool _disposed;

    /// <summary>No areas.</summary>
    public VmaTree() => _pool = new VmaNodePool();

    private VmaTree(VmaTree origin)
    {
        _pool = origin._pool;
        _root = origin._root;
        _count = origin._count;
        if (_root != null) Interlocked.Increment(ref _root->References);
    }

    /// <summary>Frees the nodes of a tree that nobody disposed.</summary>
    ~VmaTree() => ReleaseNodes();

    /// <summary>How many areas there are (map_count).</summary>
    public int Count => _count;

    /// <summary>The root, for those that check the nodes.</summary>
    internal VmaNode* Root => _root;

    /// <summary>Where the nodes of this tree and of its forks come from.</summary>
    internal VmaNodePool Pool => _pool;

    /// <summary>How often areas have come, gone or changed: what was read of them stays right as long as this stays the same.</summary>
    public int Version { get; private set; }

    /// <summary>The first area that ends above an address (find_vma): the one that contains it, or the next one.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="vma">The area, or an empty one if none ends above the address.</param>
    /// <returns>Whether there is one; it contains the address if its <see cref="Vma.Start"/> is not above it.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool TryFind(ulong address, out Vma vma)
    {
        Vma* found = Find(address);
        vma = found == null ? default : *found;
        GC.KeepAlive(this);
        return found != null;
    }

    /// <summary>The last area that ends at or below an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="vma">The area, or an empty one if none ends so low.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool TryFindBefore(ulong address, out Vma vma)
    {
        ThrowIfDisposed();
        // The deepest step that had an entry on its left is where the way to the predecessor leaves this one.
        VmaNode* node = _root, fork = null;
        int forkSlot = 0;
        while (node != null)
        {
            int slot = VmaNode.FirstAbove(node, address);
            if (slot > node->Count) slot = node->Count;
            if (slot > 0)
            {
                fork = node;
                forkSlot = slot - 1;
            }

            node = node->Level > 0 && slot < node->Count ? VmaNode.Children(node)[slot] : null;
        }

        if (fork == null)
        {
            vma = default;
            return false;
        }

        while (fork->Level > 0)
        {
            fork = VmaNode.Children(fork)[forkSlot];
            forkSlot = fork->Count - 1;
        }

        vma = VmaNode.Areas(fork)[forkSlot];
        GC.KeepAlive(this);
        return true;
    }

    /// <summary>The area that starts at an address.</summary>
    /// <param name="start">Any address.</param>
    /// <param name="vma">The area, or an empty one if none starts there.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool TryFindExact(ulong start, out Vma vma)
    {
        if (TryFind(start, out vma) && vma.Start == start) return true;
        vma = default;
        return false;
    }

    /// <summary>The areas that end above an address, in order.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>
    /// What <c>foreach</c> takes, without allocating. The tree may change on the way: the next area is always the first that ends above
    /// the end of the one before.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public VmaEnumerator EnumerateFrom(ulong address)
    {
        ThrowIfDisposed();
        return new VmaEnumerator(this, address);
    }

    /// <summary>All areas, in order.</summary>
    /// <returns>What <c>foreach</c> takes; see <see cref="EnumerateFrom"/>.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public VmaEnumerator GetEnumerator() => EnumerateFrom(0);

    /// <summary>A tree with the same areas that changes independently: what fork does, and a snapshot.</summary>
    /// <returns>The other tree. It is the caller's to dispose.</returns>
    /// <remarks>Costs one object, whatever the size; each first change of a shared path copies its nodes.</remarks>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public VmaTree Fork()
    {
        ThrowIfDisposed();
        return new VmaTree(this);
    }

    /// <summary>Removes all areas.</summary>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public void Clear()
    {
        ThrowIfDisposed();
        ReleaseNodes();
        Changed(0);
    }

    /// <summary>Frees the nodes that no other tree uses. Nothing else may be asked of the tree any more, but its count, which is 0.</summary>
    public void Dispose()
    {
        ReleaseNodes();
        Changed(0);
        _disposed = true;
        GC.SuppressFinalize(this);
    }

    /// <summary>The area that <see cref="TryFind"/> answers, in place; a null reference if there is none. Valid until the next change.</summary>
    /// <remarks>The caller holds the tree alive and unchanged while it uses the reference.</remarks>
    internal ref readonly Vma FindInPlace(ulong address) => ref Unsafe.AsRef<Vma>(Find(address));

    /// <summary>The leaf and the entry of the first area that ends above an address.</summary>
    internal VmaNode* FindLeaf(ulong address, out int slot)
    {
        VmaNode* node = _root;
        slot = 0;
        if (node == null)
        {
            ThrowIfDisposed();
            return null;
        }

        slot = VmaNode.FirstAbove(node, address);
        if (slot >= node->Count) return null;
        // Below the root, the entry in the parent promises that an end above the address is there.
        for (int level = node->Level; level > 0; level--)
        {
            node = VmaNode.Children(node)[slot];
            slot = VmaNode.FirstAbove(node, address);
        }

        return node;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vma* Find(ulong address)
    {
        Vma* hit = _lastHit;
        if (hit != null && hit->Contains(address)) return hit;

        VmaNode* leaf = FindLeaf(address, out int slot);
        if (leaf == null) return null;
        return _lastHit = VmaNode.Areas(leaf) + slot;
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);
}
