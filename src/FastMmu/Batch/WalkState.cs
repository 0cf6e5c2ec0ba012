using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>What a walk through remembered page tables needs to know.</summary>
internal readonly unsafe struct WalkState
{
    /// <summary>The row of the leaf-table cache.</summary>
    internal readonly ulong* Tables;

    /// <summary>The generation of the current context in that cache, in place.</summary>
    internal readonly ulong Key;

    /// <summary>Added to an address so that the canonical ones are those with no bit of <see cref="SignMask"/>.</summary>
    internal readonly ulong SignBias;

    /// <summary>The bits above a canonical address.</summary>
    internal readonly ulong SignMask;

    /// <summary>The bits of a leaf that are looked at, from <see cref="LeafRule"/>; P is one of them.</summary>
    internal readonly ulong Mask;

    /// <summary>What they must be.</summary>
    internal readonly ulong Expected;

    /// <summary>Where physical address 0 is.</summary>
    internal readonly byte* Memory;

    /// <summary>Where the index into the table is in an address, for BEXTR; a constant, kept from the compiler so that it stays in a register.</summary>
    internal readonly ushort Control;

    internal WalkState(ulong* tables, ulong key, ulong signBias, ulong signMask, in LeafRule rule, byte* memory)
    {
        Tables = tables;
        Key = key;
        SignBias = signBias;
        SignMask = signMask;
        Control = LeafTableCache.SlotControl;
        Mask = rule.Mask;
        Expected = rule.Expected;
        Memory = memory;
    }
}
