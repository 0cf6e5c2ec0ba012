using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// Loading DS, ES, FS, GS and SS, and what all loads have in common: finding a descriptor and marking it accessed.
public sealed partial class SegmentationUnit
{
    private const int DescriptorSize = 8;

    /// <summary>Loads ES, SS, DS, FS or GS as MOV, POP, LDS and their kin do.</summary>
    /// <param name="register">The register; not CS, which far transfers load.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="fault">
    /// #GP(selector), #NP(selector), #SS(selector) for a stack segment that is not present, #GP(0) for a null stack selector where it is not
    /// allowed, or #PF of reading or marking the descriptor. In real and virtual-8086 mode there is none.
    /// </param>
    /// <returns>Whether the register was loaded; if not, it keeps its contents.</returns>
    /// <exception cref="ArgumentException"><paramref name="register"/> is CS or none of the six.</exception>
    /// <remarks>Source: Intel SDM vol. 2B, "MOV — Move"; vol. 3A, "Privilege Level Checking when Accessing Data Segments" (5.6) and 5.7.</remarks>
    /// <example><code>
    /// Console.WriteLine(segments.TryLoad(SegmentRegister.ES, 0x7b, out MmuFault fault));      // True
    /// Console.WriteLine(segments.TryLoad(SegmentRegister.ES, 0x100, out fault));              // False
    /// Console.WriteLine(fault);                                                               // #GP(0x100): selector outside its descriptor table
    /// Console.WriteLine(segments.TryLoad(SegmentRegister.SS, 0, out fault));                  // False
    /// Console.WriteLine(fault);                                                               // #GP(0): null selector
    /// </code></example>
    public bool TryLoad(SegmentRegister register, Selector selector, out MmuFault fault)
    {
        int index = Index(register);
        if (register == SegmentRegister.CS) throw new ArgumentException("CS is loaded by far transfers only", nameof(register));
        fault = default;
        if (_mode is SegmentationMode.Real or SegmentationMode.Virtual8086)
        {
            SetSegment(index, RealModeSegment(_segments[index], selector));
            return true;
        }

        if (selector.IsNull)
        {
            if (register == SegmentRegister.SS && !MayLoadNullStack(selector))
            {
                fault = MmuFault.GeneralProtection(0, FaultReason.NullSelector);
                return false;
            }

            SetSegment(index, CachedSegment.Null(selector));
            return true;
        }

        if (!TryReadDescriptor(selector, out SegmentDescriptor descriptor, out ulong address, out fault)) return false;
        if (register == SegmentRegister.SS)
        {
            if (!CheckStackSegment(selector, descriptor.Attributes, StoredCpl, ExceptionVector.GeneralProtection, out fault)) return false;
        }
        else if (!CheckDataSegment(selector, descriptor.Attributes, out fault)) return false;

        if (!TryMarkAccessed(ref descriptor, address, out fault)) return false;
        SetSegment(index, CachedSegment.FromDescriptor(selector, descriptor));
        return true;
    }

    // Real mode changes the base and nothing else of the hidden part: that is what "unreal" mode lives from.
    private CachedSegment RealModeSegment(in CachedSegment old, Selector selector) => _mode == SegmentationMode.Virtual8086
        ? new(selector, (ulong)selector.Value << 4, 0xffff, 0xf3)
        : old with { Selector = selector, Base = (ulong)selector.Value << 4 };

    private bool MayLoadNullStack(Selector selector) => _mode == SegmentationMode.SixtyFourBit && StoredCpl != 3 && selector.Rpl == StoredCpl;

    private bool CheckDataSegment(Selector selector, SegmentAttributes attributes, out MmuFault fault)
    {
        fault = default;
        if (!attributes.IsReadable) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        if (!attributes.IsConformingCode && Math.Max(selector.Rpl, StoredCpl) > attributes.Dpl)
        {
            return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentPrivilege, out fault);
        }

        return attributes.P || Fail(ExceptionVector.SegmentNotPresent, selector, FaultReason.SegmentNotPresent, out fault);
    }

    // `refusal` is #GP, or #TS for a stack that the task-state segment names.
    private static bool CheckStackSegment(
        Selector selector, SegmentAttributes attributes, int privilege, ExceptionVector refusal, out MmuFault fault)
    {
        fault = default;
        if (selector.Rpl != privilege) return Fail(refusal, selector, FaultReason.SegmentPrivilege, out fault);
        if (!attributes.IsWritableData) return Fail(refusal, selector, FaultReason.SegmentType, out fault);
        if (attributes.Dpl != privilege) return Fail(refusal, selector, FaultReason.SegmentPrivilege, out fault);
        return attributes.P || Fail(ExceptionVector.StackFault, selector, FaultReason.SegmentNotPresent, out fault);
    }

    private bool TryReadDescriptor(Selector selector, out SegmentDescriptor descriptor, out ulong address, out MmuFault fault)
    {
        descriptor = default;
        if (!TryFindDescriptor(selector, DescriptorSize, out address, out fault)) return false;
        if (!_memory.TryRead64(address, out ulong raw, out fault)) return false;
        descriptor = raw;
        return true;
    }

    // The linear address of a descriptor of `size` bytes, all of which must lie inside the table.
    private bool TryFindDescriptor(Selector selector, uint size, out ulong address, out MmuFault fault)
    {
        fault = default;
        bool exists = !selector.Local || _ldtr.Usable;
        ulong tableBase = selector.Local ? _ldtr.Base : _gdtr.Base;
        uint limit = selector.Local ? _ldtr.Limit : _gdtr.Limit;
        address = TableAddress(tableBase, selector.TableOffset);
        if (exists && selector.TableOffset + size - 1 <= limit) return true;
        return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SelectorOutsideTable, out fault);
    }

    // Outside long mode a linear address has 32 bits, those of the tables included.
    private ulong TableAddress(ulong tableBase, uint offset) => LongMode ? tableBase + offset : (uint)(tableBase + offset);

    private bool TryMarkAccessed(ref SegmentDescriptor descriptor, ulong address, out MmuFault fault)
    {
        fault = default;
        if (descriptor.Attributes.IsAccessed) return true;
        ulong at = TableAddress(address, SegmentDescriptor.AccessRightsByte);
        if (!_memory.TrySetBits(at, (byte)SegmentAttributes.AccessedBit, out fault)) return false;
        descriptor = descriptor.Value | ((ulong)SegmentAttributes.AccessedBit << (8 * SegmentDescriptor.AccessRightsByte));
        return true;
    }

    private static bool Fail(ExceptionVector vector, Selector selector, FaultReason reason, out MmuFault fault)
    {
        fault = new(vector, selector.ErrorCode, 0, reason);
        return false;
    }

    private static bool Fail(FaultReason reason, out MmuFault fault, ulong address = 0)
    {
        fault = MmuFault.GeneralProtection(0, reason, address);
        return false;
    }
}
