using FastMmu.Addresses;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;

namespace FastMmu.Paging.Mapping;

/// <content>Unmapping, protecting and splitting: one pass over the leaves of a range, with the operation as a type argument.</content>
internal sealed partial class ModeMapper<TMode>
{
    /// <summary>What happens to each leaf that is mapped in a range.</summary>
    private interface ILeafOperation
    {
        /// <summary>Whether the leaf's page is first made into pages of the next smaller size.</summary>
        bool Splits(PageSize size, bool partlyInRange);

        /// <summary>What the leaf becomes; zero to remove it.</summary>
        ulong Change(ulong leaf, bool large);

        /// <summary>What the entries above must permit.</summary>
        int NeededAbove { get; }

        /// <summary>Whether a table of zeros is freed.</summary>
        static abstract bool FreesTables { get; }

        /// <summary>Whether splitting is the point, not a step on the way.</summary>
        static abstract bool ReportsSplits { get; }
    }

    private readonly struct Removal : ILeafOperation
    {
        public static bool FreesTables => true;

        public static bool ReportsSplits => false;

        public int NeededAbove => 0;

        public bool Splits(PageSize size, bool partlyInRange) => partlyInRange;

        public ulong Change(ulong leaf, bool large) => 0;
    }

    private readonly struct Replacement(ulong keepSmall, ulong keepLarge, ulong setSmall, ulong setLarge, int needed) : ILeafOperation
    {
        public static bool FreesTables => false;

        public static bool ReportsSplits => false;

        public int NeededAbove => needed;

        public bool Splits(PageSize size, bool partlyInRange) => partlyInRange;

        public ulong Change(ulong leaf, bool large) => large ? (leaf & keepLarge) | setLarge : (leaf & keepSmall) | setSmall;
    }

    private readonly struct Splitting(PageSize largest) : ILeafOperation
    {
        public static bool FreesTables => false;

        public static bool ReportsSplits => true;

        public int NeededAbove => 0;

        public bool Splits(PageSize size, bool partlyInRange) => size > largest;

        public ulong Change(ulong leaf, bool large) => leaf;
    }

    /// <summary>What a pass did: bytes touched, and the hull of what became stale.</summary>
    private struct Changes
    {
        internal ulong Bytes;
        private ulong _first;
        private ulong _last;
        private bool _any;

        internal readonly LinearRange Stale => _any ? new(_first, _last - _first + 1) : default;

        // Leaves are met by ascending address.
        internal void AddStale(ulong linear, ulong bytes)
        {
            if (!_any) _first = linear;
            _any = true;
            _last = unchecked(linear + bytes - 1);
        }
    }

    public override MapOutcome Unmap(LinearAddress linear, ulong length) => Apply(linear.Value, length, default(Removal));

    public override MapOutcome Protect(LinearAddress linear, ulong length, Rights rights)
    {
        const ulong decided = EntryBits.Write | EntryBits.User | EntryBits.Global | EntryBits.ExecuteDisable;
        rights = new PageAttributes(rights).Rights;
        ulong bits = PageAttributes.RightsBits<TMode>(rights, Features);
        return Apply(linear.Value, length, new Replacement(~decided, ~decided, bits, bits, PageAttributes.NeededAbove(rights)));
    }

    public override MapOutcome SetAttributes(LinearAddress linear, ulong length, PageAttributes attributes)
    {
        ulong all = EntryBits.Write | EntryBits.User | EntryBits.WriteThrough | EntryBits.CacheDisable | EntryBits.Accessed | EntryBits.Dirty
            | EntryBits.Global | EntryBits.ExecuteDisable;
        if (TMode.IsLongMode && (Features.Pku || Features.Pks)) all |= 15UL << EntryBits.ProtectionKeyShift;
        var operation = new Replacement(
            ~(all | EntryBits.Pat4K), ~(all | EntryBits.PatLarge),
            attributes.ToLeaf<TMode>(Features, large: false), attributes.ToLeaf<TMode>(Features, large: true),
            PageAttributes.NeededAbove(attributes.Rights));
        return Apply(linear.Value, length, operation);
    }

    public override MapOutcome Split(LinearAddress linear, ulong length, PageSize largest = PageSize.Size4K) => largest == PageSize.None
        ? throw new ArgumentException("No page is that small.", nameof(largest))
        : Apply(linear.Value, length, new Splitting(largest));

    private MapOutcome Apply<TOperation>(ulong linear, ulong length, TOperation operation) where TOperation : struct, ILeafOperation
    {
        MapResult result = Check(linear, length);
        if (result != MapResult.Done || length == 0) return new(result);
        long tables = 0;
        bool any = false;
        result = Plan(in operation, Root.Value, TMode.Levels, linear, length, ref tables, ref any);
        if (result != MapResult.Done) return new(result);
        if (!any) return new(MapResult.NotMapped);
        var reserve = new TableReserve(Memory, Frames, _frameLimit);
        if (!reserve.TryTake(tables)) return new(MapResult.OutOfFrames);
        Changes changes = default;
        Apply(in operation, Root.Value, TMode.Levels, linear, length, ref reserve, ref changes);
        return new(MapResult.Done, changes.Bytes, changes.Stale);
    }

    private MapResult Plan<TOperation>(in TOperation operation, ulong table, int level, ulong linear, ulong length, ref long tables, ref bool any)
        where TOperation : struct, ILeafOperation
    {
        if (!EntryTable<TMode>.TryOpen(Memory, table, level, out EntryTable<TMode> entries)) return MapResult.MalformedTable;
        if (level == 1)
        {
            any = any || entries.AnyPresent(TableGeometry<TMode>.Index(linear, 1), (int)(length / FrameBytes));
            return MapResult.Done;
        }

        ulong span = TableGeometry<TMode>.Span(level);
        while (length != 0)
        {
            ulong chunk = Math.Min(span - (linear & (span - 1)), length);
            ulong raw = entries[TableGeometry<TMode>.Index(linear, level)];
            if ((raw & EntryBits.Present) != 0)
            {
                MapResult result = MapResult.Done;
                bool large = _context.IsLargeLeaf(level, raw);
                bool malformed = _context.ReservedBitsSet(level, raw, large) != 0;
                if (large)
                {
                    any = true;
                    long splits = TablesToSplit(in operation, level, linear, chunk);
                    if (splits != 0 && malformed) result = MapResult.MalformedTable;
                    else if (splits != 0 && PageWalker<TMode>.FrameOf(raw, TMode.LeafSize(level)) >= _frameLimit) result = MapResult.PhysicalTooHigh;
                    tables += splits;
                }
                else if (malformed)
                {
                    result = MapResult.MalformedTable;
                }
                else
                {
                    result = Plan(in operation, raw & TMode.FrameMask, level - 1, linear, chunk, ref tables, ref any);
                }

                if (result != MapResult.Done) return result;
            }

            linear = unchecked(linear + chunk);
            length -= chunk;
        }

        return MapResult.Done;
    }

    // How many tables it takes to split one page as far as the operation wants, in the part of it that lies in the range.
    private static long TablesToSplit<TOperation>(in TOperation operation, int level, ulong linear, ulong length) where TOperation : struct, ILeafOperation
    {
        if (!operation.Splits(TMode.LeafSize(level), length != TableGeometry<TMode>.Span(level))) return 0;
        ulong span = TableGeometry<TMode>.Span(level - 1);
        long tables = 1;
        while (length != 0)
        {
            ulong chunk = Math.Min(span - (linear & (span - 1)), length);
            tables += TablesToSplit(in operation, level - 1, linear, chunk);
            linear = unchecked(linear + chunk);
            length -= chunk;
        }

        return tables;
    }

    private void Apply<TOperation>(
        in TOperation operation, ulong table, int level, ulong linear, ulong length, ref TableReserve reserve, ref Changes changes)
        where TOperation : struct, ILeafOperation
    {
        _ = EntryTable<TMode>.TryOpen(Memory, table, level, out EntryTable<TMode> entries);
        ulong span = TableGeometry<TMode>.Span(level);
        while (length != 0)
        {
            int index = TableGeometry<TMode>.Index(linear, level);
            ulong chunk = Math.Min(span - (linear & (span - 1)), length);
            ulong raw = entries[index];
            bool present = (raw & EntryBits.Present) != 0;
            bool leaf = present && (level == 1 || _context.IsLargeLeaf(level, raw));
            if (leaf && operation.Splits(TMode.LeafSize(level), chunk != span))
            {
                SplitLeaf(entries, index, level, reserve.Next());
                leaf = false;
                if (TOperation.ReportsSplits)
                {
                    changes.Bytes += span;
                    changes.AddStale(linear & ~(span - 1), span);
                }
            }

            if (leaf)
            {
                if (TryChangeLeaf(in operation, entries, index, level)) changes.AddStale(linear, chunk);
                if (!TOperation.ReportsSplits) changes.Bytes += chunk;
            }
            else if (present)
            {
                Widen(entries, index, level, operation.NeededAbove);
                ulong child = entries[index] & TMode.FrameMask;
                Apply(in operation, child, level - 1, linear, chunk, ref reserve, ref changes);
                if (TOperation.FreesTables) FreeIfEmpty(entries, index, level, child);
            }

            linear = unchecked(linear + chunk);
            length -= chunk;
        }
    }

    // False if the leaf is already as it should be.
    private static bool TryChangeLeaf<TOperation>(in TOperation operation, EntryTable<TMode> entries, int index, int level)
        where TOperation : struct, ILeafOperation
    {
        while (true)
        {
            ulong raw = entries[index];
            ulong next = operation.Change(raw, level > 1);
            if (TMode.EntryBytes == 4) next = (uint)next;
            if (next == raw) return false;
            if (entries.TryReplace(index, raw, next)) return true;
        }
    }

    private void SplitLeaf(EntryTable<TMode> entries, int index, int level, PhysicalAddress table)
    {
        _ = EntryTable<TMode>.TryOpen(Memory, table.Value, level - 1, out EntryTable<TMode> below);
        ulong entry, raw;
        do
        {
            raw = entries[index];
            ulong frame = PageWalker<TMode>.FrameOf(raw, TMode.LeafSize(level));
            ulong leaf = raw & ~TMode.FrameMask;
            bool pat = (raw & EntryBits.PatLarge) != 0;
            // The PAT bit moves from 12 to the place of PS, which a 4-KiB leaf does not have.
            if (level == 2) leaf &= ~EntryBits.PageSize;
            if (pat) leaf |= level == 2 ? EntryBits.Pat4K : EntryBits.PatLarge;
            below.Fill(0, TableGeometry<TMode>.Entries(level - 1), leaf | frame, TableGeometry<TMode>.Span(level - 1));
            entry = table.Value | EntryBits.Present | EntryBits.Write | (raw & (EntryBits.User | EntryBits.Accessed));
        }
        while (!entries.TryReplace(index, raw, entry));
    }

    private void FreeIfEmpty(EntryTable<TMode> entries, int index, int level, ulong child)
    {
        // PAE's directories stay: the processor holds their addresses in registers until CR3 is written.
        var frame = PhysicalAddress.Truncate(child);
        if (TableGeometry<TMode>.HasNoRights(level) || !Frames.Owns(frame)) return;
        if (!EntryTable<TMode>.TryOpen(Memory, child, level - 1, out EntryTable<TMode> below) || !below.IsEmpty) return;
        entries[index] = 0;
        Frames.Free(frame);
    }
}
