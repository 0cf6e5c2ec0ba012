using FastMmu.Linux.Mm;

namespace FastMmu.Linux;

/// <summary>What differs between the kernel's releases, each difference a property with the release that introduced it.</summary>
public sealed partial record KernelProfile
{
    private KernelProfile(string name) => Name = name;

    /// <summary>The era of the article on virtual memory: releases up to 5.x.</summary>
    public static KernelProfile V5 { get; } = new("5.x")
    {
        ShrinkOfUnmappedHeapFails = false,
        FixedFailureKeepsOldMapping = false,
        MergesIntoUnfaulted = false,
        MremapMovesSeveral = false,
        MremapChecksSourceFirst = false,
        KnowsDroppable = false,
        KnowsSeals = false,
        KnowsGuardRegions = false,
        KnowsDenyWriteExec = false,
        AnonymousAlignment = HugePageAlignmentRule.None,
    };

    /// <summary>Linux 6.12.</summary>
    public static KernelProfile V6_12 { get; } = new("6.12")
    {
        MergesIntoUnfaulted = false,
        MremapMovesSeveral = false,
        MremapChecksSourceFirst = false,
        KnowsGuardRegions = false,
        MissingDroppable = Errno.ENOTSUPP,
        AnonymousAlignment = HugePageAlignmentRule.LargeAreas,
    };

    /// <summary>Linux 6.18, the release that the recorded answers come from, and the default.</summary>
    public static KernelProfile V6_18 { get; } = new("6.18");

    /// <summary>Linux 7.2.</summary>
    public static KernelProfile V7_2 { get; } = new("7.2");

    /// <summary>The release's name.</summary>
    public string Name { get; }

    /// <summary>Whether brk may not shrink a heap of which nothing is mapped any more (6.1).</summary>
    public bool ShrinkOfUnmappedHeapFails { get; init; } = true;

    /// <summary>Whether a MAP_FIXED that fails a limit leaves the old mapping in place (6.12).</summary>
    public bool FixedFailureKeepsOldMapping { get; init; } = true;

    /// <summary>Whether an area with private pages may merge into one without (6.16).</summary>
    public bool MergesIntoUnfaulted { get; init; } = true;

    /// <summary>Whether a moving mremap of unchanged size may span several areas (6.17).</summary>
    public bool MremapMovesSeveral { get; init; } = true;

    /// <summary>Whether mremap checks its source before it unmaps a fixed destination (6.17).</summary>
    public bool MremapChecksSourceFirst { get; init; } = true;

    /// <summary>MAP_DROPPABLE (6.11).</summary>
    public bool KnowsDroppable { get; init; } = true;

    /// <summary>mseal (6.10).</summary>
    public bool KnowsSeals { get; init; } = true;

    /// <summary>MADV_GUARD_INSTALL and _REMOVE (6.13).</summary>
    public bool KnowsGuardRegions { get; init; } = true;

    /// <summary>PR_SET_MDWE (6.3; PR_MDWE_NO_INHERIT 6.6).</summary>
    public bool KnowsDenyWriteExec { get; init; } = true;

    /// <summary>The error number for MAP_DROPPABLE on a kernel that has it but not on this processor: EOPNOTSUPP, and ENOTSUPP at first.</summary>
    public int MissingDroppable { get; init; } = Errno.EOPNOTSUPP;

    /// <summary>Which anonymous areas are aligned to huge pages.</summary>
    public HugePageAlignmentRule AnonymousAlignment { get; init; } = HugePageAlignmentRule.WholeHugePages;
}
