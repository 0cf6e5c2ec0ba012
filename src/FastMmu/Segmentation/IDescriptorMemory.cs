using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

/// <summary>
/// Where descriptor tables and task-state segments are read: implicit supervisor accesses, by linear address. The one thing segmentation
/// needs from paging.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Determination of Access Rights" (4.6.1): implicit supervisor-mode accesses.</remarks>
public interface IDescriptorMemory
{
    /// <summary>Reads eight bytes, which may cross a page.</summary>
    /// <param name="address">The linear address of the first byte; any alignment.</param>
    /// <param name="value">The bytes as a little-endian number; 0 with a fault.</param>
    /// <param name="fault">The fault of paging, or none.</param>
    /// <returns>Whether the read succeeded.</returns>
    bool TryRead64(LinearAddress address, out ulong value, out MmuFault fault);

    /// <summary>Sets bits of one byte atomically: the accessed bit of a segment, the busy bit of a task-state segment.</summary>
    /// <param name="address">The linear address of the byte.</param>
    /// <param name="bits">The bits to set.</param>
    /// <param name="fault">The fault of paging, or none. A byte in ROM simply stays as it is and is no fault.</param>
    /// <returns>Whether paging allowed the write.</returns>
    bool TrySetBits(LinearAddress address, byte bits, out MmuFault fault);
}
