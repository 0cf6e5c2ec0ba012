namespace FastMmu.Linux.Physical;

/// <summary>How far below a watermark a request may go (the ALLOC_ flags of the page allocator).</summary>
[Flags]
public enum AllocationUrgency
{
    /// <summary>Not below it.</summary>
    None = 0,

    /// <summary>To half of it: <see cref="GfpFlags.High"/>.</summary>
    MinReserve = 1,

    /// <summary>By another quarter: a request with <see cref="GfpFlags.High"/> that may not wait.</summary>
    NonBlocking = 2,

    /// <summary>By another half: a process that is being killed for want of memory.</summary>
    OutOfMemory = 4,
}
