namespace FastMmu.Processor;

/// <summary>The exceptions that address translation can deliver, by vector number; zero stands for none (#DE is never ours).</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Exceptions and Interrupts" (table 6-1).</remarks>
public enum ExceptionVector : byte
{
    /// <summary>No exception.</summary>
    None = 0,

    /// <summary>#TS: what a task-state segment holds is not valid.</summary>
    InvalidTss = 10,

    /// <summary>#NP: a segment or gate that is not present.</summary>
    SegmentNotPresent = 11,

    /// <summary>#SS: stack-segment fault.</summary>
    StackFault = 12,

    /// <summary>#GP: general protection.</summary>
    GeneralProtection = 13,

    /// <summary>#PF: page fault; the address goes to CR2.</summary>
    PageFault = 14,

    /// <summary>#AC: alignment check.</summary>
    AlignmentCheck = 17,
}
