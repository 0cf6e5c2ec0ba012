using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Linux.Physical;

// The buddy system. A free block of 2^order pages begins at a multiple of its size; its buddy differs from it in that one bit of the
// page frame number, and when both are free they are one block of the next order.
//
// Blocks of the largest order that were never handed out stand in no list: they are ranges behind the movable list's tail, so that
// starting a machine touches no page descriptor of them.
public sealed unsafe partial class Zone
{
    /// <summary>The largest order: 1,024 pages, 4 MiB.</summary>
    public const int MaxOrder = 10;

    /// <summary>The order of a page block, 2 MiB: its pages are all of one kind, as far as that goes.</summary>
    public const int BlockOrder = 9;

    /// <summary>How many kinds the lists tell apart, <see cref="MigrateType.Isolate"/> included.</summary>
    internal const int Types = 5;

    // Frame 0 is never free, so its number ends a list.
    private const ulong End0 = 0;

    private readonly PageFrame* _map;
    private readonly byte* _blockTypes;
    private readonly ulong[] _heads = new ulong[(MaxOrder + 1) * Types];
    private readonly ulong[] _tails = new ulong[(MaxOrder + 1) * Types];
    private readonly long[] _counts = new long[(MaxOrder + 1) * Types];
    private readonly List<(ulong Start, ulong End)> _untouched = [];
    private readonly List<(ulong Start, ulong End, int Untouched)> _seeds = [];
    private int _nextUntouched;

    /// <summary>Pages in the free lists.</summary>
    internal long Free;

    /// <summary>How many blocks of an order are free.</summary>
    /// <param name="order">0 to 10.</param>
    public long FreeBlocks(int order)
    {
        long count = 0;
        foreach (long blocks in _counts.AsSpan(order * Types, Types)) count += blocks;
        return count;
    }

    /// <summary>How many blocks of an order and a kind are free.</summary>
    /// <param name="order">0 to 10.</param>
    /// <param name="type">The kind.</param>
    public long FreeBlocks(int order, MigrateType type) => _counts[(order * Types) + (int)type];

    /// <summary>How many page blocks of the zone are of a kind; those without a page are left out.</summary>
    /// <param name="type">The kind.</param>
    public long PageBlocks(MigrateType type)
    {
        long count = 0;
        for (ulong block = Start >> BlockOrder; block << BlockOrder < End; block++)
        {
            if (_blockTypes[block] == (byte)type && IsPresent(block)) count++;
        }

        return count;
    }

    /// <summary>All free blocks: their first frame, order and kind. Untouched memory counts as blocks of the largest order.</summary>
    internal List<(ulong Frame, int Order, MigrateType Type)> Blocks()
    {
        List<(ulong, int, MigrateType)> blocks = [];
        for (int list = 0; list < _heads.Length; list++)
        {
            for (ulong frame = _heads[list]; frame != End0; frame = _map[frame].Index) blocks.Add((frame, list / Types, (MigrateType)(list % Types)));
        }

        for (int i = _nextUntouched; i < _untouched.Count; i++)
        {
            for (ulong frame = _untouched[i].Start; frame < _untouched[i].End; frame += 1UL << MaxOrder) blocks.Add((frame, MaxOrder, MigrateType.Movable));
        }

        return blocks;
    }

    /// <summary>The frames that were handed out at least once, and those that may have been.</summary>
    internal IEnumerable<(ulong Start, ulong End)> TouchedRanges()
    {
        foreach ((ulong start, ulong end, int untouched) in _seeds)
        {
            if (untouched < 0)
            {
                yield return (start, end);
                continue;
            }

            yield return (start, _untouched[untouched].Start);
            yield return (_untouched[untouched].End, end);
        }
    }

    internal Func<ulong, bool> IsPresent { get; set; } = _ => true;

    /// <summary>The kind of the page block of a frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal MigrateType BlockType(ulong frame) => (MigrateType)_blockTypes[frame >> BlockOrder];

    /// <summary>Gives the zone frames it manages, at the start.</summary>
    internal void Seed(ulong start, ulong end)
    {
        Managed += end - start;
        ulong first = (start + (1UL << MaxOrder) - 1) & ~((1UL << MaxOrder) - 1);
        bool whole = first < end && end - first >= 1UL << MaxOrder;
        _seeds.Add((start, end, whole ? _untouched.Count : -1));
        while (start < end)
        {
            if (start == first && whole)
            {
                ulong wholeEnd = end & ~((1UL << MaxOrder) - 1);
                _untouched.Add((start, wholeEnd));
                _counts[(MaxOrder * Types) + (int)MigrateType.Movable] += (long)((wholeEnd - start) >> MaxOrder);
                Free += (long)(wholeEnd - start);
                start = wholeEnd;
                continue;
            }

            int order = Math.Min(MaxOrder, System.Numerics.BitOperations.TrailingZeroCount(start));
            while (1UL << order > end - start) order--;
            AddTail(start, order, BlockType(start));
            Free += 1L << order;
            start += 1UL << order;
        }
    }

    /// <summary>Takes a block, from another kind's if need be (__rmqueue).</summary>
    /// <param name="order">2^order pages.</param>
    /// <param name="type">The kind that is asked for.</param>
    /// <param name="mayFragment">Whether less than a page block may be taken from another kind.</param>
    /// <param name="frame">The first page.</param>
    internal bool TryTake(int order, MigrateType type, bool mayFragment, out ulong frame)
    {
        if (TryTakeSmallest(order, type, out frame) || TryClaim(order, type, mayFragment, out frame) || (mayFragment && TrySteal(order, type, out frame)))
        {
            Free -= 1L << order;
            return true;
        }

        return false;
    }

    /// <summary>Puts a block back and merges it with its buddies as far as they are free (__free_one_page).</summary>
    internal void PutBack(ulong frame, int order)
    {
        Free += 1L << order;
        MigrateType type = BlockType(frame);
        while (order < MaxOrder)
        {
            ulong buddy = frame ^ (1UL << order);
            if (!IsFreeBlock(buddy, order)) break;
            MigrateType buddyType = BlockType(buddy);
            Unlink(buddy, order, buddyType);
            if (order >= BlockOrder && buddyType != type) SetBlockTypes(buddy, order, type);
            frame &= buddy;
            order++;
        }

        if (order < MaxOrder - 1 && MergeIsLikely(frame, order)) AddTail(frame, order, type);
        else AddHead(frame, order, type);
    }

    // If the buddy one order up is free already, this block will merge on once its own buddy comes back: let it be taken last.
    private bool MergeIsLikely(ulong frame, int order)
    {
        ulong above = frame & ~(1UL << order);
        return IsFreeBlock(above ^ (1UL << (order + 1)), order + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsFreeBlock(ulong frame, int order) =>
        frame >= Start && frame < End
        && (_map[frame].Flags & (PageFlags.Buddy | PageFlags.OrderMask)) == (PageFlags.Buddy | (PageFlags)((uint)order << PageFrame.OrderShift));

    private bool TryTakeSmallest(int order, MigrateType type, out ulong frame)
    {
        for (int at = order; at <= MaxOrder; at++)
        {
            if (TryTakeHead(at, type, out frame))
            {
                Split(frame, at, order, type);
                return true;
            }
        }

        frame = 0;
        return false;
    }

    // The upper halves go back, one of each order.
    private void Split(ulong frame, int from, int to, MigrateType type)
    {
        while (from > to)
        {
            from--;
            AddHead(frame + (1UL << from), from, type);
        }
    }

    private bool TryTakeHead(int order, MigrateType type, out ulong frame)
    {
        int list = (order * Types) + (int)type;
        frame = _heads[list];
        if (frame != End0)
        {
            Unlink(frame, order, type);
            return true;
        }

        if (order != MaxOrder || type != MigrateType.Movable || _nextUntouched == _untouched.Count) return false;
        ref (ulong Start, ulong End) range = ref CollectionsMarshal.AsSpan(_untouched)[_nextUntouched];
        frame = range.Start;
        range.Start += 1UL << MaxOrder;
        if (range.Start == range.End) _nextUntouched++;
        _counts[list]--;
        return true;
    }

    private void AddHead(ulong frame, int order, MigrateType type)
    {
        int list = (order * Types) + (int)type;
        ulong next = _heads[list];
        Mark(frame, order, next, End0);
        if (next != End0) _map[next].Private = frame;
        else _tails[list] = frame;
        _heads[list] = frame;
        _counts[list]++;
    }

    private void AddTail(ulong frame, int order, MigrateType type)
    {
        int list = (order * Types) + (int)type;
        ulong previous = _tails[list];
        Mark(frame, order, End0, previous);
        if (previous != End0) _map[previous].Index = frame;
        else _heads[list] = frame;
        _tails[list] = frame;
        _counts[list]++;
    }

    private void Mark(ulong frame, int order, ulong next, ulong previous)
    {
        PageFrame* page = _map + frame;
        page->Flags = PageFlags.Buddy | (PageFlags)((uint)order << PageFrame.OrderShift);
        page->RefCount = 0;
        page->Index = next;
        page->Private = previous;
    }

    private void Unlink(ulong frame, int order, MigrateType type)
    {
        int list = (order * Types) + (int)type;
        PageFrame* page = _map + frame;
        if (page->Private != End0) _map[page->Private].Index = page->Index;
        else _heads[list] = page->Index;
        if (page->Index != End0) _map[page->Index].Private = page->Private;
        else _tails[list] = page->Private;
        page->Flags = PageFlags.None;
        _counts[list]--;
    }
}
