namespace FastMmu.Linux.Areas;

/// <summary>The areas of a <see cref="VmaTree"/> from an address on, for <c>foreach</c>; a value, and nothing is allocated.</summary>
/// <remarks>
/// The tree may change on the way; then the place is found again by its address. Take it from <see cref="VmaTree.EnumerateFrom"/>. It reads
/// the tree: the tree's rules for threads hold.
/// </remarks>
public unsafe struct VmaEnumerator
{
    private readonly VmaTree? _tree;
    private VmaNode* _leaf;
    private ulong _next;
    private int _slot;
    private int _version;
    private bool _ended;
    private Vma _current;

    internal VmaEnumerator(VmaTree tree, ulong address)
    {
        _tree = tree;
        _next = address;
    }

    /// <summary>The area met last, as it was then.</summary>
    public readonly Vma Current => _current;

    /// <summary>This enumeration, for <c>foreach</c>.</summary>
    /// <returns>A copy of it.</returns>
    public readonly VmaEnumerator GetEnumerator() => this;

    /// <summary>Goes to the next area.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool MoveNext()
    {
        if (_ended || _tree is null) return false;
        // A leaf is only looked at while nothing has changed since it was found: it may be gone, or be another tree's.
        if (_leaf != null && _version == _tree.Version && _slot + 1 < _leaf->Count)
        {
            _slot++;
        }
        else
        {
            _leaf = _tree.FindLeaf(_next, out _slot);
            _version = _tree.Version;
        }

        if (_leaf == null)
        {
            _ended = true;
            return false;
        }

        _current = VmaNode.Areas(_leaf)[_slot];
        _next = _current.End;
        GC.KeepAlive(_tree);
        return true;
    }
}
