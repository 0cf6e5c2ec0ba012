using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Entries;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// Counts level by level: each distinct table with each set of rights that reaches it is read once and weighs as much as there are paths
/// to it. So the work is bounded by the tables that exist, even where 2^45 leaves are mapped by one table that refers to itself.
/// </summary>
internal static class SummaryPass<TMode> where TMode : struct, IPagingMode
{
    // Every combination of flags is below this.
    private const int RightsCount = 2 * (int)Rights.Global;

    internal static AddressSpaceSummary Run(PhysicalMemory memory, in WalkContext context)
    {
        var levels = new List<LevelSummary>(TMode.Levels);
        // By page size and rights, both small numbers.
        ulong[] pages = new ulong[((int)PageSize.Size1G + 1) * RightsCount];
        var tables = new Dictionary<(ulong Table, int Path), ulong> { [(context.Root, PathRights.Unrestricted)] = 1 };
        for (int level = TMode.Levels; level >= 1; level--)
        {
            var below = new Dictionary<(ulong Table, int Path), ulong>();
            var distinct = new HashSet<ulong>();
            long present = 0, leaves = 0, malformed = 0;
            foreach (((ulong table, int above), ulong paths) in tables)
            {
                bool first = distinct.Add(table);
                for (int i = 0; i < TableGeometry<TMode>.Entries(level); i++)
                {
                    ulong raw = EntrySource<TMode>.Read(memory, in context, table, level, i, out _);
                    if ((raw & EntryBits.Present) == 0) continue;
                    EntryReading reading = EntryReading.Of<TMode>(in context, level, raw);
                    if (first)
                    {
                        present++;
                        if (reading.Kind == EntryKind.Leaf) leaves++;
                        else if (reading.Kind == EntryKind.Malformed) malformed++;
                    }

                    int path = TableGeometry<TMode>.HasNoRights(level) ? above : PathRights.Through(above, raw);
                    if (reading.Kind == EntryKind.Table) CollectionsMarshal.GetValueRefOrAddDefault(below, (reading.Address.Value, path), out _) += paths;
                    if (reading.Kind != EntryKind.Leaf) continue;
                    if (context.IsShadowStack(above, raw)) path |= PathRights.ShadowStack;
                    pages[((int)reading.PageSize * RightsCount) + (int)PathRights.ToRights(path, context.GlobalPages && reading.Global)] += paths;
                }
            }

            levels.Add(new(level, distinct.Count, present, leaves, malformed));
            tables = below;
        }

        MappedKind[] mapped = [.. pages.Select((count, key) => new MappedKind((PageSize)(key / RightsCount), (Rights)(key % RightsCount), count))
            .Where(k => k.Pages != 0).OrderByDescending(k => k.Size).ThenBy(k => k.Rights)];
        return new(levels, mapped);
    }
}
