using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Tlb;

/// <summary>A page that the fast table lets one kind of access use without any question.</summary>
/// <param name="Linear">The first linear address of the 4-KiB page, which may be part of a larger one.</param>
/// <param name="Physical">Where it is.</param>
/// <param name="Access">What the access does.</param>
/// <param name="Privilege">On whose behalf.</param>
/// <param name="Pcid">The PCID of the context.</param>
/// <param name="InForce">Whether the context is the current one; of others with the same PCID some register bit differs that rights depend on.</param>
/// <param name="PageSize">The page that it is part of; <see cref="PageSize.None"/> without paging.</param>
/// <param name="Rights">What the path allows.</param>
/// <param name="PatIndex">Index into IA32_PAT.</param>
public readonly record struct FastEntry(
    LinearAddress Linear, PhysicalAddress Physical, Access Access, Privilege Privilege, int Pcid, bool InForce, PageSize PageSize, Rights Rights, int PatIndex)
{
    /// <summary><c>0x1000 -> 0x200000 Read User, pcid 0</c>.</summary>
    public override string ToString() => $"{Linear} -> {Physical} {Access} {Privilege}, pcid {Pcid}{(InForce ? "" : ", another context")}";
}
