using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// The bases of FS and GS that 64-bit code writes without a descriptor.
public sealed partial class SegmentationUnit
{
    private ulong _kernelGsBase;

    /// <summary>IA32_KERNEL_GS_BASE: what SWAPGS exchanges with the base of GS.</summary>
    public ulong KernelGsBase => _kernelGsBase;

    /// <summary>WRFSBASE, or WRMSR to IA32_FS_BASE.</summary>
    /// <param name="value">The new base of FS.</param>
    /// <param name="fault">#GP(0) if it is not canonical for the widest address that the processor has, whatever CR4.LA57 says.</param>
    /// <returns>Whether it was written.</returns>
    /// <remarks>Source: Intel SDM vol. 2B, "WRFSBASE/WRGSBASE"; vol. 3A, "Canonicality Checks on Base Addresses and MSRs" (4.5.2).</remarks>
    /// <example><code>
    /// segments.TryWriteFsBase(0x7000, out _);
    /// segments.TryToLinear(SegmentRegister.FS, 0x10, 8, Access.Read, out ulong linear, out MmuFault fault);
    /// Console.WriteLine($"0x{linear:x}");                                             // 0x7010
    /// Console.WriteLine(segments.TryWriteFsBase(1UL &lt;&lt; 60, out fault));               // False
    /// Console.WriteLine(fault);                                                       // #GP(0): non-canonical address
    /// </code></example>
    public bool TryWriteFsBase(ulong value, out MmuFault fault) => TryWriteBase(SegmentRegister.FS, value, out fault);

    /// <summary>WRGSBASE, or WRMSR to IA32_GS_BASE.</summary>
    /// <param name="value">The new base of GS.</param>
    /// <param name="fault">#GP(0) if it is not canonical for the widest address that the processor has.</param>
    /// <returns>Whether it was written.</returns>
    /// <example><code>
    /// segments.TryWriteGsBase(0xffff_8880_0000_0000, out _);
    /// Console.WriteLine($"0x{segments[SegmentRegister.GS].Base:x}");                  // 0xffff888000000000
    /// </code></example>
    public bool TryWriteGsBase(ulong value, out MmuFault fault) => TryWriteBase(SegmentRegister.GS, value, out fault);

    /// <summary>WRMSR to IA32_KERNEL_GS_BASE.</summary>
    /// <param name="value">The new value.</param>
    /// <param name="fault">#GP(0) if it is not canonical for the widest address that the processor has.</param>
    /// <returns>Whether it was written.</returns>
    /// <example><code>
    /// segments.TryWriteKernelGsBase(0xffff_8880_0000_0000, out _);
    /// Console.WriteLine($"0x{segments.KernelGsBase:x}");                              // 0xffff888000000000
    /// </code></example>
    public bool TryWriteKernelGsBase(ulong value, out MmuFault fault)
    {
        if (!CheckBase(value, out fault)) return false;
        _kernelGsBase = value;
        return true;
    }

    /// <summary>SWAPGS: exchanges the base of GS with IA32_KERNEL_GS_BASE.</summary>
    /// <param name="fault">#GP(0) unless CPL is 0.</param>
    /// <returns>Whether they were exchanged.</returns>
    /// <remarks>Outside 64-bit mode the instruction does not exist (#UD), which is the decoder's to say. Source: Intel SDM vol. 2B, "SWAPGS".</remarks>
    /// <example><code>
    /// segments.TryWriteGsBase(0x7000, out _);
    /// segments.TryWriteKernelGsBase(0xffff_8880_0000_0000, out _);
    /// segments.TrySwapGs(out _);
    /// Console.WriteLine($"0x{segments[SegmentRegister.GS].Base:x}");                  // 0xffff888000000000
    /// Console.WriteLine($"0x{segments.KernelGsBase:x}");                              // 0x7000
    /// </code></example>
    public bool TrySwapGs(out MmuFault fault)
    {
        if (Cpl != 0) return Fail(FaultReason.SegmentPrivilege, out fault);
        fault = default;
        const int gs = (int)SegmentRegister.GS;
        ulong old = _segments[gs].Base;
        SetSegment(gs, _segments[gs] with { Base = _kernelGsBase });
        _kernelGsBase = old;
        return true;
    }

    private bool TryWriteBase(SegmentRegister register, ulong value, out MmuFault fault)
    {
        if (!CheckBase(value, out fault)) return false;
        SetSegment((int)register, _segments[(int)register] with { Base = value });
        return true;
    }

    private bool CheckBase(ulong value, out MmuFault fault)
    {
        fault = default;
        return new LinearAddress(value).IsCanonical(Features.LinearAddressBits) || Fail(FaultReason.NonCanonical, out fault, value);
    }
}
