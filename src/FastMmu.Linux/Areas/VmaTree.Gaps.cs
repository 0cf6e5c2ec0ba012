namespace FastMmu.Linux.Areas;

public sealed unsafe partial class VmaTree
{
    /// <summary>The highest start of a free range of a length that lies in [low, high).</summary>
    /// <param name="low">The lowest byte of the range may be here.</param>
    /// <param name="high">The range ends here or below.</param>
    /// <param name="length">Its bytes. Nothing has no place: 0 finds none.</param>
    /// <param name="start">Where it starts; 0 if there is none.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool TryFindHighestGap(ulong low, ulong high, ulong length, out ulong start)
    {
        ThrowIfDisposed();
        start = 0;
        if (length == 0 || high <= low || high - low < length) return false;

        ulong above = high;
        if (_root != null)
        {
            if (TryFindHighest(_root, low, high, length, isTop: true, out start)) return true;
            above = Math.Min(high, _root->Starts[0]);
            GC.KeepAlive(this);
        }

        if (above <= low || above - low < length) return false;
        start = above - length;
        return true;
    }

    /// <summary>The lowest start of a free range of a length that lies in [low, high).</summary>
    /// <param name="low">The range starts here or above.</param>
    /// <param name="high">The range ends here or below.</param>
    /// <param name="length">Its bytes. Nothing has no place: 0 finds none.</param>
    /// <param name="start">Where it starts; 0 if there is none.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The tree is disposed.</exception>
    public bool TryFindLowestGap(ulong low, ulong high, ulong length, out ulong start)
    {
        ThrowIfDisposed();
        start = 0;
        if (length == 0 || high <= low || high - low < length) return false;

        ulong below = low;
        if (_root != null)
        {
            if (TryFindLowest(_root, low, high, length, isBottom: true, out start)) return true;
            below = Math.Max(low, _root->Ends[_root->Count - 1]);
            GC.KeepAlive(this);
        }

        if (high <= below || high - below < length) return false;
        start = below;
        return true;
    }

    // The free ranges above each entry, from the top; the one above the last entry belongs to the parent, unless this is the root. Only the
    // children that hold an edge of [low, high) can promise a gap in vain, so a level costs two of them at most.
    private static bool TryFindHighest(VmaNode* node, ulong low, ulong high, ulong length, bool isTop, out ulong start)
    {
        ulong above = high;
        int slot = VmaNode.FirstAbove(node, high - 1);
        if (slot >= node->Count)
        {
            slot = node->Count - 1;
            if (!isTop) above = node->Ends[slot];
        }

        for (; slot >= 0; slot--)
        {
            ulong end = node->Ends[slot], floor = Math.Max(end, low);
            if (above > floor && above - floor >= length)
            {
                start = above - length;
                return true;
            }

            if (end <= low) break;
            if (node->Level > 0 && VmaNode.Gaps(node)[slot] >= length
                && TryFindHighest(VmaNode.Children(node)[slot], low, high, length, isTop: false, out start))
            {
                return true;
            }

            above = Math.Min(high, node->Starts[slot]);
        }

        start = 0;
        return false;
    }

    private static bool TryFindLowest(VmaNode* node, ulong low, ulong high, ulong length, bool isBottom, out ulong start)
    {
        for (int slot = VmaNode.FirstAbove(node, low); slot < node->Count; slot++)
        {
            ulong ceiling = Math.Min(high, node->Starts[slot]);
            ulong floor = slot > 0 ? Math.Max(low, node->Ends[slot - 1]) : isBottom ? low : ceiling;
            if (ceiling > floor && ceiling - floor >= length)
            {
                start = floor;
                return true;
            }

            if (node->Level > 0 && VmaNode.Gaps(node)[slot] >= length
                && TryFindLowest(VmaNode.Children(node)[slot], low, high, length, isBottom: false, out start))
            {
                return true;
            }

            if (node->Ends[slot] >= high) break;
        }

        start = 0;
        return false;
    }
}
