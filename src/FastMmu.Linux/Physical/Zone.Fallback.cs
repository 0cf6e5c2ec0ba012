namespace FastMmu.Linux.Physical;

// What happens when a kind has no block left: page blocks of another kind change sides, the largest first, so that kinds mix as little
// as possible; only then single blocks are taken and stay among strangers.
public sealed unsafe partial class Zone
{
    /// <summary>The kinds from which a kind borrows, best first.</summary>
    internal static ReadOnlySpan<MigrateType> FallbacksOf(MigrateType type) => type switch
    {
        MigrateType.Unmovable => [MigrateType.Reclaimable, MigrateType.Movable],
        MigrateType.Movable => [MigrateType.Reclaimable, MigrateType.Unmovable],
        _ => [MigrateType.Unmovable, MigrateType.Movable],
    };

    private void SetBlockTypes(ulong frame, int order, MigrateType type)
    {
        for (ulong at = 0; at < 1UL << order; at += 1UL << BlockOrder) _blockTypes[(frame + at) >> BlockOrder] = (byte)type;
    }

    // Blocks that are large enough, and all requests of the kernel itself, claim the page block around what they take.
    private static bool MayClaim(int order, MigrateType type) => order >= BlockOrder / 2 || type != MigrateType.Movable;

    private bool TryClaim(int order, MigrateType type, bool mayFragment, out ulong frame)
    {
        int smallest = mayFragment ? order : Math.Max(order, BlockOrder);
        for (int at = MaxOrder; at >= smallest && MayClaim(at, type); at--)
        {
            foreach (MigrateType other in FallbacksOf(type))
            {
                if (FreeBlocks(at, other) == 0) continue;
                if (TryClaim(at, order, type, other, out frame)) return true;
                break;
            }
        }

        frame = 0;
        return false;
    }

    private bool TryClaim(int from, int order, MigrateType type, MigrateType other, out ulong frame)
    {
        if (from >= BlockOrder)
        {
            if (!TryTakeHead(from, other, out frame)) return false;
            SetBlockTypes(frame, from, type);
            Split(frame, from, order, type);
            return true;
        }

        frame = _heads[(from * Types) + (int)other];
        ulong block = frame & ~((1UL << BlockOrder) - 1);
        if (block < Start || block + (1UL << BlockOrder) > End) return false;
        CountBlock(block, out int free, out int movable);
        // Pages of the claiming kind count as much as free ones: the block is half theirs then.
        int alike = type == MigrateType.Movable ? movable : other == MigrateType.Movable ? (1 << BlockOrder) - free - movable : 0;
        if (free + alike < 1 << (BlockOrder - 1)) return false;
        MoveFreePages(block, other, type);
        _blockTypes[block >> BlockOrder] = (byte)type;
        return TryTakeSmallest(order, type, out frame);
    }

    private bool TrySteal(int order, MigrateType type, out ulong frame)
    {
        for (int at = order; at <= MaxOrder; at++)
        {
            foreach (MigrateType other in FallbacksOf(type))
            {
                if (!TryTakeHead(at, other, out frame)) continue;
                Split(frame, at, order, other);
                return true;
            }
        }

        frame = 0;
        return false;
    }

    private void CountBlock(ulong block, out int free, out int movable)
    {
        free = movable = 0;
        ulong end = block + (1UL << BlockOrder);
        for (ulong at = block; at < end;)
        {
            PageFrame* page = _map + at;
            if ((page->Flags & PageFlags.Buddy) != 0)
            {
                free += 1 << page->Order;
                at += 1UL << page->Order;
                continue;
            }

            if (page->RefCount > 0 && (page->Flags & (PageFlags.MovableAllocation | PageFlags.Lru)) != 0) movable++;
            at++;
        }
    }

    private void MoveFreePages(ulong block, MigrateType from, MigrateType to)
    {
        ulong end = block + (1UL << BlockOrder);
        for (ulong at = block; at < end;)
        {
            if ((_map[at].Flags & PageFlags.Buddy) == 0)
            {
                at++;
                continue;
            }

            int order = _map[at].Order;
            Unlink(at, order, from);
            AddTail(at, order, to);
            at += 1UL << order;
        }
    }
}
