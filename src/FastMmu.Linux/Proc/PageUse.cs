using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Proc;

/// <summary>What pages are used for, counted from their descriptors: the counters of /proc/zoneinfo.</summary>
internal sealed class PageUse
{
    private static readonly string[] s_nodeNames =
    [
        "nr_inactive_anon", "nr_active_anon", "nr_inactive_file", "nr_active_file", "nr_unevictable", "nr_slab_reclaimable",
        "nr_slab_unreclaimable", "nr_isolated_anon", "nr_isolated_file", "workingset_nodes", "workingset_refault_anon",
        "workingset_refault_file", "workingset_activate_anon", "workingset_activate_file", "workingset_restore_anon",
        "workingset_restore_file", "workingset_nodereclaim", "nr_anon_pages", "nr_mapped", "nr_file_pages", "nr_dirty", "nr_writeback",
        "nr_shmem", "nr_shmem_hugepages", "nr_shmem_pmdmapped", "nr_file_hugepages", "nr_file_pmdmapped", "nr_anon_transparent_hugepages",
        "nr_vmscan_write", "nr_vmscan_immediate_reclaim", "nr_dirtied", "nr_written", "nr_throttled_written", "nr_kernel_misc_reclaimable",
        "nr_foll_pin_acquired", "nr_foll_pin_released", "nr_kernel_stack", "nr_page_table_pages", "nr_sec_page_table_pages",
        "nr_iommu_pages", "nr_swapcached", "pgpromote_success", "pgpromote_candidate", "pgpromote_candidate_nrl", "pgdemote_kswapd",
        "pgdemote_direct", "pgdemote_khugepaged", "pgdemote_proactive", "nr_hugetlb", "nr_balloon_pages", "nr_kernel_file_pages",
    ];

    private readonly long[] _anon;
    private readonly long[] _file;
    private readonly long[] _locked;
    private readonly Dictionary<string, long> _node = [];

    private PageUse(PageAllocator pages)
    {
        int zones = pages.Zones.Count;
        (_anon, _file, _locked) = (new long[zones], new long[zones], new long[zones]);
        long mapped = 0, anonMapped = 0, shared = 0, fileAll = 0, dirty = 0, tables = 0;
        foreach (Zone zone in pages.Zones)
        {
            tables += zone.PageTablePages;
            foreach ((ulong start, ulong end) in zone.TouchedRanges())
            {
                for (ulong frame = start; frame < end; frame++)
                {
                    ref PageFrame page = ref pages[frame];
                    if (page.RefCount <= 0 || page.Mapping == 0) continue;
                    if ((page.Flags & PageFlags.MLocked) != 0) _locked[zone.Index]++;
                    if (page.Mapping < 0)
                    {
                        _anon[zone.Index]++;
                        if (page.MapCount > 0) anonMapped++;
                        continue;
                    }

                    // Pages of shared memory belong to a file and are reclaimed as anonymous ones.
                    bool swapBacked = (page.Flags & PageFlags.SwapBacked) != 0;
                    (swapBacked ? _anon : _file)[zone.Index]++;
                    fileAll++;
                    if (swapBacked) shared++;
                    else if ((page.Flags & PageFlags.Dirty) != 0) dirty++;
                    if (page.MapCount > 0) mapped++;
                }
            }
        }

        _node["nr_inactive_anon"] = _anon.Sum();
        _node["nr_inactive_file"] = _file.Sum();
        _node["nr_anon_pages"] = anonMapped;
        _node["nr_mapped"] = mapped;
        _node["nr_file_pages"] = fileAll;
        _node["nr_shmem"] = shared;
        _node["nr_dirty"] = dirty;
        _node["nr_page_table_pages"] = tables;
    }

    /// <summary>The node's counters in the kernel's order.</summary>
    internal IEnumerable<(string Name, long Value)> NodeItems => s_nodeNames.Select(name => (name, _node.GetValueOrDefault(name)));

    /// <summary>Counts what the pages of an allocator are used for; only those that were ever handed out are looked at.</summary>
    internal static PageUse Of(PageAllocator pages) => new(pages);

    /// <summary>A zone's counters in the kernel's order.</summary>
    internal IEnumerable<(string Name, long Value)> ZoneItems(Zone zone) =>
    [
        ("nr_free_pages", zone.FreePages), ("nr_free_pages_blocks", zone.FreePagesInWholeBlocks), ("nr_zone_inactive_anon", _anon[zone.Index]),
        ("nr_zone_active_anon", 0), ("nr_zone_inactive_file", _file[zone.Index]), ("nr_zone_active_file", 0), ("nr_zone_unevictable", 0),
        ("nr_zone_write_pending", 0), ("nr_mlock", _locked[zone.Index]), ("nr_zspages", 0), ("nr_free_cma", 0),
    ];
}
