using FastMmu.Processor;

namespace FastMmu.Segmentation;

// LSL: asking about a segment without loading it.
public sealed partial class SegmentationUnit
{
    /// <summary>LSL: the limit of a segment that the running program may see.</summary>
    /// <param name="selector">Any selector.</param>
    /// <param name="limit">
    /// The limit in bytes, where the instruction sets ZF; null where it clears it: a null selector, one outside its table, a gate or reserved
    /// type, or a segment that CPL and RPL may not see. Whether the segment is present does not matter.
    /// </param>
    /// <param name="fault">#PF of reading the descriptor, or none.</param>
    /// <returns>Whether the descriptor could be read, or need not be.</returns>
    /// <remarks>Source: Intel SDM vol. 2A, "LSL". The instruction does not exist in real and virtual-8086 mode.</remarks>
    /// <example><code>
    /// segments.TryLoadLimit(LinuxGdt.I386["CPUNODE"].Selector, out uint? limit, out _);       // Linux's getcpu() without a system call
    /// Console.WriteLine(CpuNode.FromLimit(limit!.Value));                                     // cpu 5, node 1
    /// segments.TryLoadLimit(0x100, out limit, out MmuFault fault);
    /// Console.WriteLine(limit is null);                                                       // True
    /// Console.WriteLine(fault);                                                               // none
    /// </code></example>
    public bool TryLoadLimit(Selector selector, out uint? limit, out MmuFault fault)
    {
        limit = null;
        fault = default;
        if (_mode is SegmentationMode.Real or SegmentationMode.Virtual8086 || selector.IsNull) return true;
        if (!TryReadDescriptor(selector, out SegmentDescriptor descriptor, out _, out fault)) return IgnoreRefusal(ref fault);
        SegmentAttributes attributes = descriptor.Attributes;
        if (!attributes.IsConformingCode && Math.Max(selector.Rpl, StoredCpl) > attributes.Dpl) return true;
        if (!attributes.S)
        {
            if (!HasLimit(attributes.SystemType)) return true;
            if (LongMode && !TryFindDescriptor(selector, 16, out _, out fault)) return IgnoreRefusal(ref fault);
        }

        limit = descriptor.Limit;
        return true;
    }

    private bool HasLimit(SystemSegmentType type) => type switch
    {
        SystemSegmentType.Ldt or SystemSegmentType.AvailableTss or SystemSegmentType.BusyTss => true,
        SystemSegmentType.AvailableTss16 or SystemSegmentType.BusyTss16 => !LongMode,
        _ => false,
    };

    // A selector outside its table is an answer here, not an exception; a page fault stays one.
    private static bool IgnoreRefusal(ref MmuFault fault)
    {
        if (fault.Vector == ExceptionVector.PageFault) return false;
        fault = default;
        return true;
    }
}
