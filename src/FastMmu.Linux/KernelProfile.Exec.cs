namespace FastMmu.Linux;

/// <content>What differs between releases when a program is executed.</content>
public sealed partial record KernelProfile
{
    /// <summary>Whether the heap of a 64-bit program starts up to 1 GiB above it and not 32 MiB: since Linux 6.9.</summary>
    public bool WideHeapRandomisation => this != V5;

    /// <summary>Whether a page stays free between a program and its randomised heap: since Linux 6.10.</summary>
    public bool HeapGuardPage => this != V5;

    /// <summary>Whether the vdso lies in the mmap area: since Linux 6.12; before, at random above the stack.</summary>
    public bool VdsoInMmapArea => this != V5;

    /// <summary>Whether clocks of hypervisors have an area of their own, [vvar_vclock]: since Linux 6.13.</summary>
    public bool VvarClockArea => this == V6_18 || this == V7_2;

    /// <summary>Whether the auxiliary vector tells the size of signal frames (since Linux 5.14) and of struct rseq (since Linux 6.3).</summary>
    public bool AuxiliarySizes => this != V5;

    /// <summary>Whether a page mapped at address 0 for <see cref="Mm.Personality.MapPageZero"/> is sealed: since Linux 6.17.</summary>
    public bool SealsPageZero => this == V6_18 || this == V7_2;
}
