namespace FastMmu.Segmentation.Linux;

/// <summary>What a slot of Linux's GDT is for, and with that where its contents come from.</summary>
public enum LinuxGdtUse : byte
{
    /// <summary>Never used; all zero.</summary>
    Empty,

    /// <summary>The same on every processor, from boot on.</summary>
    Fixed,

    /// <summary>The per-processor data segment of 32-bit kernels: base and size of operands are set at boot.</summary>
    PerCpu,

    /// <summary>The processor's task-state segment; two slots in 64-bit kernels.</summary>
    Tss,

    /// <summary>The LDT of the running process; two slots in 64-bit kernels.</summary>
    Ldt,

    /// <summary>The second slot of a descriptor of sixteen bytes.</summary>
    UpperHalf,

    /// <summary>A segment of the running thread, from set_thread_area().</summary>
    Tls,

    /// <summary>A segment whose limit tells user code on which processor it runs.</summary>
    CpuNode,

    /// <summary>The task-state segment that takes a double fault in 32-bit kernels.</summary>
    DoubleFaultTss,
}
