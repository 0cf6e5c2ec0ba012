using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using FastMmu.Paging.Modes;
using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>One address at a time: for processors without wide vectors, and the plain statement of what the others do.</summary>
internal readonly unsafe struct ScalarKernel : IBatchKernel
{
    private const int Group = IBatchKernel.Group;

    public static bool IsSupported => true;

    public static int ProbeGroups(ulong* linear, ulong* physical, int groups, in ProbeState probe, out uint missed)
    {
        missed = 0;
        for (int group = 0; group < groups; group++)
        {
            missed = ProbeGroup(linear, physical, in probe);
            if (missed != 0) return group;
            linear += Group;
            physical += Group;
        }

        return groups;
    }

    /// <summary>One group.</summary>
    internal static uint ProbeGroup(ulong* linear, ulong* physical, in ProbeState probe)
    {
        ulong* table = probe.Table;
        ulong key = probe.Key, bias = probe.SignBias, mask = probe.SignMask;
        uint missed = 0;
        for (int lane = 0; lane < Group; lane++)
        {
            ulong address = linear[lane];
            ulong frame = table[FastTable.SlotOf(address)] ^ PackedTable.TagOf(address) ^ key;
            bool hit = ((frame >> PackedTable.FrameBits) | ((address + bias) & mask)) == 0;
            physical[lane] = hit ? (frame << 12) | (address & 0xfff) : address;
            missed |= (hit ? 0u : 1u) << lane;
        }

        return missed;
    }

    public static int WalkGroups(ulong* linear, ulong* physical, int group, int groups, in WalkState walk, WalkRing* ring, out uint missed)
    {
        for (; group < groups; group++)
        {
            for (; ring->Begun < groups && ring->Begun <= group + WalkRing.Ahead; ring->Begun++) Begin(linear + (ring->Begun * Group), in walk, ring);
            missed = End(linear + (group * Group), physical + (group * Group), group, in walk, ring);
            if (missed != 0) return group;
        }

        missed = 0;
        return groups;
    }

    /// <summary>One address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="probe">The table, and what its entries are compared with.</param>
    /// <param name="found">The physical address, if the table has it.</param>
    /// <returns>Zero if the table has it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Probe(ulong address, in ProbeState probe, out ulong found)
    {
        ulong frame = probe.Table[FastTable.SlotOf(address)] ^ PackedTable.TagOf(address) ^ probe.Key;
        found = (frame << 12) | (address & 0xfff);
        return (frame >> PackedTable.FrameBits) | ((address + probe.SignBias) & probe.SignMask);
    }

    private static void Begin(ulong* linear, in WalkState walk, WalkRing* ring)
    {
        int place = ring->Begun % WalkRing.Groups * Group;
        for (int lane = 0; lane < Group; lane++)
        {
            ulong address = linear[lane];
            ulong data = walk.Tables[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ walk.Key;
            ulong* leaf = &ring->None;
            if (((data >> 32) | ((address + walk.SignBias) & walk.SignMask)) == 0)
            {
                ulong frame = (data & LeafTableCache.FrameMask) << 12;
                if ((data & LeafTableCache.LargeBit) != 0)
                {
                    ring->Parts[place + lane] = (frame | (address & LeafTableCache.PartMask)) | walk.Expected;
                    leaf = &ring->Parts[place + lane];
                }
                else
                {
                    leaf = (ulong*)(walk.Memory + frame + ((address >> 9) & 0xff8));
                    if (Sse.IsSupported) Sse.Prefetch0(leaf);
                }
            }

            ring->Leaves[place + lane] = (ulong)leaf;
        }
    }

    private static uint End(ulong* linear, ulong* physical, int group, in WalkState walk, WalkRing* ring)
    {
        ulong** leaves = (ulong**)ring->Leaves + (group % WalkRing.Groups * Group);
        uint missed = 0;
        for (int lane = 0; lane < Group; lane++)
        {
            ulong raw = *leaves[lane], address = linear[lane];
            bool found = (raw & walk.Mask) == walk.Expected;
            physical[lane] = found ? (raw & EntryBits.Frame64) | (address & 0xfff) : address;
            missed |= (found ? 0u : 1u) << lane;
        }

        return missed;
    }
}
