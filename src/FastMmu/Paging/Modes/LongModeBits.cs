using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Modes;

/// <summary>What four-level and five-level paging have in common.</summary>
internal static class LongModeBits
{
    internal static PageSize LeafSize(int level) => level switch
    {
        1 => PageSize.Size4K,
        2 => PageSize.Size2M,
        3 => PageSize.Size1G,
        _ => PageSize.None,
    };

    internal static ulong Reserved(in PagingState state, int level, bool largeLeaf)
    {
        ProcessorFeatures features = state.Features;
        ulong reserved = EntryBits.Range(51, features.PhysicalAddressBits);
        if (!state.Efer.Nxe) reserved |= EntryBits.ExecuteDisable;
        if (largeLeaf) return reserved | (level == 3 ? EntryBits.Range(29, 13) : EntryBits.Range(20, 13));
        if (level >= 4)
        {
            reserved |= EntryBits.PageSize;
            if (features.NonLeafBit8 != NonLeafBit8.Ignored) reserved |= EntryBits.Global;
        }
        else if (level == 3)
        {
            if (!features.OneGigabytePages) reserved |= EntryBits.PageSize;
            if (features.NonLeafBit8 == NonLeafBit8.ReservedInPml4AndPdpt) reserved |= EntryBits.Global;
        }

        return reserved;
    }

    internal static int LargeLevels(in PagingState state) => state.Features.OneGigabytePages ? (1 << 2) | (1 << 3) : 1 << 2;
}
