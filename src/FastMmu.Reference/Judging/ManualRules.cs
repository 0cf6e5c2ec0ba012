using FastMmu.Processor;

namespace FastMmu.Reference.Judging;

/// <summary>The rules that counter-examples are given: those of the list that a translation can break, and the plain ones beside them.</summary>
internal static class ManualRules
{
    private static readonly Dictionary<int, ManualRule> s_listed = new ManualRule[]
    {
        new(1, "A reserved-bit fault has P=1.", "4.7"),
        new(2, "A non-canonical address leaves CR2 alone.", "vol. 1, 3.3.7.1; 6.15"),
        new(3, "I/D is reported only where fetches can be refused.", "4.7"),
        new(4, "PSE-36 ends at the lesser of 40 and MAXPHYADDR.", "4.3, table 4-4"),
        new(5, "Without CR4.PSE the PS bit is ignored, in two-level paging.", "4.3 to 4.5"),
        new(6, "Two-level entries for 4-KiB pages have no reserved bits.", "4.3, tables 4-5 and 4-6"),
        new(7, "PAE's PDPTEs are registers.", "4.4.1"),
        new(8, "Bits 62:52 are reserved in PAE and free in long mode.", "4.4, 4.5"),
        new(9, "PS is reserved above the directory pointers.", "4.5, tables 4-14 to 4-18"),
        new(10, "Bit 8 of a non-leaf entry is a matter of the vendor.", "4.5; AMD APM vol. 2, 5.3"),
        new(11, "PAT is bit 7 of a 4-KiB leaf and bit 12 of a large one.", "4.9.2"),
        new(12, "The first obstacle on the way down decides.", "4.7"),
        new(13, "Two-level walks have ten-bit indices and AND both entries.", "4.3, 4.6"),
        new(15, "Linear addresses have 32 bits outside 64-bit mode.", "3.4; vol. 1, 3.3.7"),
        new(16, "A write that WP=0 let through is remembered as what it was.", "4.6.1, 4.8"),
        new(17, "Rights belong to the path, not to the table.", "4.6.1, 4.10.3"),
        new(18, "SMEP judges user pages whether or not they were written with WP=0.", "4.6.1"),
        new(19, "SMAP holds for reads and with WP=0, never for fetches.", "4.6.1"),
        new(20, "Protection keys follow the page's U/S along the whole path.", "4.6.2, 4.7"),
        new(21, "WRPKRU and WRMSR of IA32_PKRS act at once on cached translations.", "4.6.2"),
        new(22, "A shadow-stack page is writable above and read-only and dirty in the leaf.", "4.6.1, 4.7"),
        new(23, "LASS is #GP or #SS before paging.", "Linear-Address Pre-Processing: LASS"),
        new(24, "LAM keeps bit 63 and masks data accesses only.", "Linear-Address Pre-Processing: LAM"),
        new(27, "A refused access marks nothing in the leaf.", "4.8"),
        new(29, "A page fault drops what is cached for its address.", "4.10.4.1"),
        new(30, "INVLPG drops global entries, whole pages, and the paging-structure caches of the PCID.", "4.10.4.1; vol. 2A, INVLPG"),
        new(31, "Every invalidation has its own reach.", "4.10.1, 4.10.4.1; vol. 2A, INVPCID"),
        new(32, "G counts only with CR4.PGE and only in leaves.", "4.10.2.4"),
        new(36, "Hit and miss have the same side effects.", "4.8, 4.10.2"),
    }.ToDictionary(rule => rule.Number);

    /// <summary>The rules with a number.</summary>
    public static IEnumerable<ManualRule> Listed => s_listed.Values;

    public static ManualRule Translation { get; } = new(0, "The frame and the offset make the physical address.", "4.3 to 4.5");

    public static ManualRule Page { get; } = new(0, "Page size and rights are those of the path.", "4.3 to 4.6");

    public static ManualRule ErrorCode { get; } = new(0, "The error code describes the access and why it was refused.", "4.7");

    public static ManualRule FaultAddress { get; } = new(0, "CR2 receives the linear address of a page fault.", "4.7");

    public static ManualRule Flags { get; } = new(0, "A permitted access sets accessed on its path, and a write dirty in the leaf.", "4.8");

    public static ManualRule Memory { get; } = new(0, "Walks change nothing but accessed and dirty flags.", "4.8");

    public static ManualRule Exception { get; } = new(0, "Every access has an answer.", "4.7");

    /// <summary>A rule of the list.</summary>
    public static ManualRule Number(int number) => s_listed[number];

    /// <summary>The rule that an access breaks for a reason.</summary>
    public static ManualRule For(FaultReason reason) => reason switch
    {
        FaultReason.NotPresent => new(0, "NotPresent: an entry with P=0 ends the walk.", "4.7"),
        FaultReason.ReservedBit => new(0, "ReservedBit: reserved bits of a present entry are clear.", "4.7"),
        FaultReason.SupervisorPage => new(0, "SupervisorPage: user-mode accesses reach user-mode addresses only.", "4.6.1"),
        FaultReason.WriteProtected => new(0, "WriteProtected: a write needs R/W=1 on its path, in supervisor mode while CR0.WP=1.", "4.6.1"),
        FaultReason.ExecuteDisabled => new(0, "ExecuteDisabled: XD=1 on the path forbids fetches while IA32_EFER.NXE=1.", "4.6.1"),
        FaultReason.Smep => Number(18),
        FaultReason.Smap => Number(19),
        FaultReason.ProtectionKey => Number(20),
        FaultReason.ShadowStack => Number(22),
        FaultReason.NonCanonical => Number(2),
        FaultReason.LinearAddressSpaceSeparation => Number(23),
        _ => Translation,
    };
}
