using System.Globalization;
using FastMmu.Addresses;

namespace FastMmu.Processor;

/// <summary>The error code of a nested page fault: a page fault's in the low half, and which kind of guest-physical address was refused above.</summary>
/// <remarks>
/// <code>
///       33     32           4     3     2    1    0
/// - - +-----+------+ - - +-----+------+-----+-----+---+
///     | GPT |  GPA |     | I/D | RSVD | U/S | W/R | P |
/// - - +-----+------+ - - +-----+------+-----+-----+---+
/// </code>
/// Source: AMD APM vol. 2, "Nested versus Guest Page Faults, Fault Ordering" (15.25.6), EXITINFO1.
/// </remarks>
[Flags]
public enum NestedFaultError : ulong
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>P: the nested translation was present; the fault is one of rights or reserved bits.</summary>
    Present = 1UL << 0,

    /// <summary>W/R: the nested access was a write. Reads and updates of guest page tables both are.</summary>
    Write = 1UL << 1,

    /// <summary>U/S: always set, nested accesses are user accesses.</summary>
    User = 1UL << 2,

    /// <summary>RSVD: a present nested entry has a reserved bit set.</summary>
    Reserved = 1UL << 3,

    /// <summary>I/D: the guest fetched an instruction.</summary>
    InstructionFetch = 1UL << 4,

    /// <summary>The guest-physical address is the one that the guest's own translation ended at.</summary>
    FinalAddress = 1UL << 32,

    /// <summary>The guest-physical address is that of an entry of the guest's page tables.</summary>
    PageTable = 1UL << 33,
}

/// <summary>A nested page fault: what the hypervisor gets, and the guest does not see.</summary>
/// <param name="GuestPhysical">The guest-physical address that was refused: EXITINFO2.</param>
/// <param name="Error">Why, as the hypervisor sees it: EXITINFO1. Zero if there is no fault.</param>
/// <param name="Reason">Why, in more detail.</param>
/// <param name="Level">Level of the nested entry to blame, or 0.</param>
public readonly record struct NestedFault(PhysicalAddress GuestPhysical, NestedFaultError Error, FaultReason Reason, int Level)
{
    /// <summary>Whether there is a fault.</summary>
    public bool IsFault => Error != 0;

    /// <summary><c>#NPF(0x200000006) at guest-physical 0x3000: NotPresent at level 2</c>, or <c>none</c>.</summary>
    public override string ToString() => !IsFault ? "none" : string.Create(
        CultureInfo.InvariantCulture, $"#NPF(0x{(ulong)Error:x}) at guest-physical {GuestPhysical}: {Reason}{(Level == 0 ? "" : $" at level {Level}")}");
}
