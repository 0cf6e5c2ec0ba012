using FastMmu.Addresses;
using FastMmu.Paging;

namespace FastMmu.Reference;

/// <summary>
/// A finished translation of one page, as a TLB would hold it: everything that later accesses need, and nothing that depends on registers
/// that may change between them.
/// </summary>
/// <param name="LinearBase">First linear address of the page.</param>
/// <param name="PageBits">Base-two logarithm of the page size: 12, 21, 22 or 30.</param>
/// <param name="PhysicalBase">First physical address of the page.</param>
/// <param name="WritableAbove">R/W=1 in every entry above the leaf.</param>
/// <param name="WritableInLeaf">R/W=1 in the leaf.</param>
/// <param name="User">U/S=1 in every entry: a user-mode address.</param>
/// <param name="ExecuteDisabled">XD=1 in some entry.</param>
/// <param name="Dirty">D=1 in the leaf.</param>
/// <param name="Global">G=1 in the leaf while CR4.PGE=1.</param>
/// <param name="PatIndex">PAT·4 + PCD·2 + PWT of the leaf.</param>
/// <param name="ProtectionKey">Bits 62:59 of the leaf.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Caching Translations in TLBs" (4.10.2.2).</remarks>
internal readonly record struct Mapping(
    ulong LinearBase, int PageBits, ulong PhysicalBase, bool WritableAbove, bool WritableInLeaf, bool User, bool ExecuteDisabled, bool Dirty,
    bool Global, int PatIndex, int ProtectionKey)
{
    /// <summary>4.6: a write needs R/W=1 in every entry of the path.</summary>
    internal bool Writable => WritableAbove && WritableInLeaf;

    /// <summary>4.6: R/W=1 in every entry but the leaf, R/W=0 and D=1 in the leaf. It means something only while CR4.CET=1.</summary>
    internal bool IsShadowStack => WritableAbove && !WritableInLeaf && Dirty;

    internal bool Covers(ulong linear) => linear >> PageBits == LinearBase >> PageBits;

    internal ulong Translate(ulong linear) => PhysicalBase + (linear - LinearBase);

    internal PageSize PageSize => PageBits switch
    {
        12 => PageSize.Size4K,
        21 => PageSize.Size2M,
        22 => PageSize.Size4M,
        _ => PageSize.Size1G,
    };

    internal Rights RightsUnder(Controls controls)
    {
        Rights rights = Rights.Read;
        if (Writable) rights |= Rights.Write;
        if (User) rights |= Rights.User;
        if (!ExecuteDisabled) rights |= Rights.Execute;
        if (IsShadowStack && controls.ShadowStacks) rights |= Rights.ShadowStack;
        if (Global) rights |= Rights.Global;
        return rights;
    }
}
