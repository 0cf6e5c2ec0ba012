using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>What a probe of the fast table compares with.</summary>
internal readonly unsafe struct ProbeState
{
    /// <summary>The row of access and privilege: a <see cref="PackedTable"/>.</summary>
    internal readonly ulong* Table;

    /// <summary>The generation of the current context, in place.</summary>
    internal readonly ulong Key;

    /// <summary>Added to an address so that the canonical ones are those with no bit of <see cref="SignMask"/>.</summary>
    internal readonly ulong SignBias;

    /// <summary>The bits above a canonical address.</summary>
    internal readonly ulong SignMask;

    /// <summary>The bits of an address above its offset. This and the next are constants, kept from the compiler so that they stay in registers.</summary>
    internal readonly ulong PageMask;

    /// <summary>Where the index into the table is in an address, for BEXTR.</summary>
    internal readonly ushort Control;

    internal ProbeState(ulong* table, ulong key, ulong signBias, ulong signMask)
    {
        Table = table;
        Key = key;
        SignBias = signBias;
        SignMask = signMask;
        PageMask = ~0xfffUL;
        Control = PackedTable.SlotControl;
    }
}
