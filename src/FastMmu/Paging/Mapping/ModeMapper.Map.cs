using FastMmu.Addresses;
using FastMmu.Paging.Modes;

namespace FastMmu.Paging.Mapping;

/// <content>Mapping: a pass that looks and counts tables, then a pass that writes and cannot fail.</content>
internal sealed partial class ModeMapper<TMode>
{
    private readonly record struct Request(ulong SmallLeaf, ulong LargeLeaf, int Needed, ulong TableBits);

    public override MapOutcome Map(LinearAddress linear, PhysicalAddress physical, ulong length, PageAttributes attributes)
    {
        MapResult result = Check(linear.Value, length, physical.Value);
        if (result != MapResult.Done || length == 0) return new(result);
        if (length > (1UL << PhysicalAddress.MaxWidth) - physical.Value) return new(MapResult.PhysicalTooHigh);
        long tables = 0;
        result = PlanMap(Root.Value, exists: true, TMode.Levels, linear.Value, physical.Value, length, ref tables);
        if (result != MapResult.Done) return new(result);
        var reserve = new TableReserve(Memory, Frames, _frameLimit);
        if (!reserve.TryTake(tables)) return new(MapResult.OutOfFrames);
        var request = new Request(
            attributes.ToLeaf<TMode>(Features, large: false),
            attributes.ToLeaf<TMode>(Features, large: true),
            PageAttributes.NeededAbove(attributes.Rights),
            EntryBits.Present | EntryBits.Write | ((attributes.Rights & Rights.User) != 0 ? EntryBits.User : 0));
        Fill(in request, Root.Value, TMode.Levels, linear.Value, physical.Value, length, ref reserve);
        return new(MapResult.Done, length);
    }

    // The tables that are missing are walked as if they were there and empty.
    private MapResult PlanMap(ulong table, bool exists, int level, ulong linear, ulong physical, ulong length, ref long tables)
    {
        EntryTable<TMode> entries = default;
        if (exists && !EntryTable<TMode>.TryOpen(Memory, table, level, out entries)) return MapResult.MalformedTable;
        if (level == 1)
        {
            if (physical + length > _frameLimit) return MapResult.PhysicalTooHigh;
            bool any = exists && entries.AnyPresent(TableGeometry<TMode>.Index(linear, 1), (int)(length / FrameBytes));
            return any ? MapResult.AlreadyMapped : MapResult.Done;
        }

        ulong span = TableGeometry<TMode>.Span(level);
        while (length != 0)
        {
            ulong chunk = Math.Min(span - (linear & (span - 1)), length);
            ulong raw = exists ? entries[TableGeometry<TMode>.Index(linear, level)] : 0;
            bool present = (raw & EntryBits.Present) != 0;
            if (present && _context.IsLargeLeaf(level, raw)) return MapResult.AlreadyMapped;
            if (present && _context.ReservedBitsSet(level, raw, largeLeaf: false) != 0) return MapResult.MalformedTable;
            if (present || !FitsLargePage(level, physical, chunk))
            {
                if (!present) tables++;
                MapResult result = PlanMap(raw & TMode.FrameMask, present, level - 1, linear, physical, chunk, ref tables);
                if (result != MapResult.Done) return result;
            }

            linear = unchecked(linear + chunk);
            physical += chunk;
            length -= chunk;
        }

        return MapResult.Done;
    }

    private void Fill(in Request request, ulong table, int level, ulong linear, ulong physical, ulong length, ref TableReserve reserve)
    {
        _ = EntryTable<TMode>.TryOpen(Memory, table, level, out EntryTable<TMode> entries);
        if (level == 1)
        {
            entries.Fill(TableGeometry<TMode>.Index(linear, 1), (int)(length / FrameBytes), request.SmallLeaf | physical, FrameBytes);
            return;
        }

        ulong span = TableGeometry<TMode>.Span(level);
        while (length != 0)
        {
            int index = TableGeometry<TMode>.Index(linear, level);
            ulong chunk = Math.Min(span - (linear & (span - 1)), length);
            ulong raw = entries[index];
            if ((raw & EntryBits.Present) != 0)
            {
                Widen(entries, index, level, request.Needed);
                Fill(in request, raw & TMode.FrameMask, level - 1, linear, physical, chunk, ref reserve);
            }
            else if (FitsLargePage(level, physical, chunk))
            {
                entries[index] = request.LargeLeaf | LargeFrameBits(physical);
            }
            else
            {
                ulong child = reserve.Next().Value;
                Fill(in request, child, level - 1, linear, physical, chunk, ref reserve);
                // Linked when it is complete, for processors that walk meanwhile.
                entries[index] = child | (TableGeometry<TMode>.HasNoRights(level) ? EntryBits.Present : request.TableBits);
            }

            linear = unchecked(linear + chunk);
            physical += chunk;
            length -= chunk;
        }
    }

    private bool FitsLargePage(int level, ulong physical, ulong chunk)
    {
        PageSize size = TMode.LeafSize(level);
        return ((_context.LargeLeafLevels >> level) & 1) != 0
            && size <= LargestPage
            && chunk == size.Bytes()
            && (physical & (chunk - 1)) == 0
            && physical + chunk <= _largeFrameLimit;
    }

    // PSE-36 keeps address bits 39:32 in entry bits 20:13.
    private static ulong LargeFrameBits(ulong physical) =>
        TMode.EntryBytes == 8 ? physical : (physical & 0xffc0_0000) | ((physical >> 32) << 13);
}
