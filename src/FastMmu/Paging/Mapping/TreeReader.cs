using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Entries;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// Reads the entries of an address space in ascending order of linear addresses, by the same rules as the walker. The mode is behind one
/// virtual call, as it is for walks.
/// </summary>
internal abstract class TreeReader(PhysicalMemory memory, WalkContext context)
{
    private readonly WalkContext _context = context;

    internal PhysicalMemory Memory { get; } = memory;

    internal ref readonly WalkContext Context => ref _context;

    internal static TreeReader For(PhysicalMemory memory, in PagingState state)
    {
        WalkContext context = WalkContext.Create(in state);
        return state.Mode switch
        {
            PagingMode.TwoLevel => new Of<Paging2Level>(memory, context),
            PagingMode.Pae => new Of<PagingPae>(memory, context),
            PagingMode.FourLevel => new Of<Paging4Level>(memory, context),
            PagingMode.FiveLevel => new Of<Paging5Level>(memory, context),
            _ => throw new ArgumentException("Without paging there are no tables.", nameof(state)),
        };
    }

    /// <summary>The next leaf.</summary>
    internal abstract bool MoveToLeaf(ref TreeCursor cursor, out MappedPage page);

    /// <summary>The next present entry of any kind.</summary>
    internal abstract bool MoveToEntry(ref TreeCursor cursor, out TreeEntry entry);

    /// <summary>Counts tables, entries and mapped bytes.</summary>
    internal abstract AddressSpaceSummary Summarize();

    private sealed class Of<TMode>(PhysicalMemory memory, WalkContext context) : TreeReader(memory, context) where TMode : struct, IPagingMode
    {
        internal override bool MoveToLeaf(ref TreeCursor cursor, out MappedPage page)
        {
            while (TryNext(ref cursor, leavesOnly: true, out ulong linear, out ulong address, out ulong raw, out int path))
            {
                int level = cursor.Level;
                bool large = level > 1;
                if (Context.ReservedBitsSet(level, raw, large) != 0) continue;
                for (int above = level; above <= TMode.Levels; above++) cursor.At(above).Fruitful = true;
                PageSize size = TMode.LeafSize(level);
                if (Context.IsShadowStack(cursor.At(level).Path, raw)) path |= PathRights.ShadowStack;
                bool global = Context.GlobalPages && (raw & EntryBits.Global) != 0;
                int key = TMode.IsLongMode ? (int)(raw >> EntryBits.ProtectionKeyShift) & 15 : 0;
                page = new(
                    linear, PageWalker<TMode>.FrameOf(raw, size), address, raw, size, PathRights.ToRights(path, global), level,
                    PageWalker<TMode>.PatIndexOf(raw, large), key);
                return true;
            }

            page = default;
            return false;
        }

        internal override bool MoveToEntry(ref TreeCursor cursor, out TreeEntry entry)
        {
            if (!TryNext(ref cursor, leavesOnly: false, out ulong linear, out ulong address, out ulong raw, out int path))
            {
                entry = default;
                return false;
            }

            int level = cursor.Level;
            EntryReading reading = EntryReading.Of<TMode>(in Context, level, raw);
            if (reading.Kind == EntryKind.Leaf && Context.IsShadowStack(cursor.At(level).Path, raw)) path |= PathRights.ShadowStack;
            if (reading.Kind == EntryKind.Table) Descend(ref cursor, linear, reading.Address.Value, path);
            entry = new(linear, PhysicalAddress.Truncate(address), reading, path);
            return true;
        }

        internal override AddressSpaceSummary Summarize() => SummaryPass<TMode>.Run(Memory, in Context);

        // The next entry that is present and touches the range wanted; of tables only those that may hold leaves when only leaves are wanted.
        private bool TryNext(ref TreeCursor cursor, bool leavesOnly, out ulong linear, out ulong address, out ulong raw, out int path)
        {
            if (cursor.Level == 0) Begin(ref cursor);
            while (true)
            {
                int level = cursor.Level;
                ref TreeCursor.Position position = ref cursor.At(level);
                int index = position.NextIndex;
                if (index == TableGeometry<TMode>.Entries(level))
                {
                    if (!TryAscend(ref cursor, in position, leavesOnly)) break;
                    continue;
                }

                position.NextIndex++;
                raw = EntrySource<TMode>.Read(Memory, in Context, position.Table, level, index, out address);
                if ((raw & EntryBits.Present) == 0) continue;
                linear = position.Linear + ((ulong)index << TableGeometry<TMode>.Shift(level));
                if (level == TMode.Levels && TMode.IsLongMode) linear = (ulong)((long)(linear << (64 - TMode.LinearWidth)) >> (64 - TMode.LinearWidth));
                if (linear > cursor.Last) break;
                path = TableGeometry<TMode>.HasNoRights(level) ? position.Path : PathRights.Through(position.Path, raw);
                if (!leavesOnly || level == 1 || Context.IsLargeLeaf(level, raw)) return true;
                if (Context.ReservedBitsSet(level, raw, largeLeaf: false) != 0) continue;
                ulong table = raw & TMode.FrameMask;
                if (cursor.Barren is null || !cursor.Barren.Contains((table, level - 1))) Descend(ref cursor, linear, table, path);
            }

            linear = address = raw = 0;
            path = 0;
            return false;
        }

        private void Begin(ref TreeCursor cursor)
        {
            cursor.Level = TMode.Levels;
            ref TreeCursor.Position root = ref cursor.At(TMode.Levels);
            root.Table = Context.Root;
            root.Path = PathRights.Unrestricted;
            root.NextIndex = (short)TableGeometry<TMode>.Index(cursor.First, TMode.Levels);
        }

        private static void Descend(ref TreeCursor cursor, ulong linear, ulong table, int path)
        {
            int level = --cursor.Level;
            bool whole = cursor.First <= linear;
            cursor.At(level) = new()
            {
                Table = table,
                Linear = linear,
                Path = (byte)path,
                NextIndex = (short)(whole ? 0 : TableGeometry<TMode>.Index(cursor.First, level)),
                Fruitful = !whole,
            };
        }

        private static bool TryAscend(ref TreeCursor cursor, in TreeCursor.Position position, bool leavesOnly)
        {
            if (cursor.Level == TMode.Levels) return false;
            if (leavesOnly && !position.Fruitful) (cursor.Barren ??= []).Add((position.Table, cursor.Level));
            cursor.Level++;
            return true;
        }
    }
}
