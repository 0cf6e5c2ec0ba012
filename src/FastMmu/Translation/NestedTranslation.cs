using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>The answer of a two-stage translation: a system-physical address, a fault of the guest's, or a fault of the hypervisor's.</summary>
/// <param name="SystemPhysical">Where the access goes; zero with a fault.</param>
/// <param name="GuestPhysical">Where the guest's own tables lead; zero if the guest faults.</param>
/// <param name="PageSize">The largest page that both stages agree on: the smaller of theirs; <see cref="PageSize.None"/> with a fault.</param>
/// <param name="Rights">What the guest's path allows; the nested tables may refuse some of it.</param>
/// <param name="GuestFault">What the guest gets (#PF, #GP, #SS), or none.</param>
/// <param name="NestedFault">What the hypervisor gets, or none; never together with a guest fault.</param>
public readonly record struct NestedTranslation(
    PhysicalAddress SystemPhysical, PhysicalAddress GuestPhysical, PageSize PageSize, Rights Rights, MmuFault GuestFault, NestedFault NestedFault)
{
    /// <summary>Whether there is a system-physical address.</summary>
    public bool Ok => !GuestFault.IsFault && !NestedFault.IsFault;

    /// <summary><c>0x201234 (guest 0x1234, 4 KiB page)</c>, or the fault.</summary>
    public override string ToString() => GuestFault.IsFault ? GuestFault.ToString()
        : NestedFault.IsFault ? NestedFault.ToString()
        : $"{SystemPhysical} (guest {GuestPhysical}, {PageSize.Name()} page)";
}
