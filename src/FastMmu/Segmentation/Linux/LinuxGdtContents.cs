namespace FastMmu.Segmentation.Linux;

/// <summary>What differs between processors, processes and threads in Linux's GDT.</summary>
public sealed record LinuxGdtContents
{
    /// <summary>Linear address of the processor's task-state segment.</summary>
    public ulong TssBase { get; init; }

    /// <summary>Limit in bytes of the task-state segment; null for what a kernel with I/O bitmaps has (4087h, or 407Bh in 32 bits).</summary>
    public uint? TssLimit { get; init; }

    /// <summary>Whether TR holds the task-state segment, so that its type is busy. True on a running processor.</summary>
    public bool TssBusy { get; init; } = true;

    /// <summary>Linear address of the LDT.</summary>
    public ulong LdtBase { get; init; }

    /// <summary>Entries of the LDT; with 0 its slot is empty.</summary>
    public int LdtEntries { get; init; }

    /// <summary>Base of the per-processor data of a 32-bit kernel.</summary>
    public uint PerCpuBase { get; init; }

    /// <summary>Linear address of the double-fault task-state segment of a 32-bit kernel.</summary>
    public uint DoubleFaultTssBase { get; init; }

    /// <summary>The three segments of the running thread.</summary>
    public (SegmentDescriptor First, SegmentDescriptor Second, SegmentDescriptor Third) Tls { get; init; }

    /// <summary>Which processor, on which node; null for a kernel that does not tell: 32-bit ones do from 6.2 on.</summary>
    public CpuNode? CpuNode { get; init; }
}
