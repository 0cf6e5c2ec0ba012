using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// LGDT, LLDT and LTR.
public sealed partial class SegmentationUnit
{
    private const byte BusyBit = 2;

    /// <summary>LGDT.</summary>
    /// <param name="value">The operand. Outside 64-bit mode the caller has cut the base to 32 (or 24) bits.</param>
    /// <param name="fault">#GP(0): CPL is not 0, or the base is not canonical for the widest address that the processor has.</param>
    /// <returns>Whether GDTR was loaded.</returns>
    /// <remarks>Source: Intel SDM vol. 2A, "LGDT/LIDT".</remarks>
    /// <example><code>
    /// segments.TryLoadGdtr(new(Base: 0x8000, Limit: 0x1f), out _);
    /// Console.WriteLine(segments.Gdtr);                                               // base 0x8000, limit 0x1f
    /// </code></example>
    public bool TryLoadGdtr(DescriptorTableRegister value, out MmuFault fault)
    {
        if (Cpl != 0) return Fail(FaultReason.SegmentPrivilege, out fault);
        if (!CheckBase(value.Base, out fault)) return false;
        _gdtr = value;
        return true;
    }

    /// <summary>LLDT.</summary>
    /// <param name="selector">A selector of the GDT, or null for a processor without LDT.</param>
    /// <param name="fault">
    /// #GP(0): CPL is not 0. #GP(selector): TI set, outside the GDT, not an LDT, in 64-bit mode a non-canonical base or set bits that must be
    /// 0. #NP(selector). #PF of reading the descriptor.
    /// </param>
    /// <returns>Whether LDTR was loaded.</returns>
    /// <remarks>
    /// The descriptor has 16 bytes in 64-bit mode and 8 everywhere else, compatibility mode included.
    /// Source: Intel SDM vol. 2A, "LLDT"; AMD APM vol. 2, table 4-6.
    /// </remarks>
    /// <example><code>
    /// memory.Write(0x2000, GdtEntry.Init(0xc0f3, 0x9000, 0xfffff).Value);
    /// segments.TryLoadLdtr(0x88, out _);
    /// segments.TryLoad(SegmentRegister.GS, 7, out _);
    /// Console.WriteLine(segments[SegmentRegister.GS]);                                // 0x7 (LDT 0, RPL 3): data RW accessed DPL 3, base 0x9000, limit 0xffffffff
    /// </code></example>
    public bool TryLoadLdtr(Selector selector, out MmuFault fault)
    {
        if (Cpl != 0) return Fail(FaultReason.SegmentPrivilege, out fault);
        if (selector.IsNull)
        {
            _ldtr = CachedSegment.Null(selector);
            fault = default;
            return true;
        }

        if (!TryReadSystemDescriptor(selector, out SystemDescriptor descriptor, out _, out fault)) return false;
        if (descriptor.Attributes.S || descriptor.Attributes.SystemType != SystemSegmentType.Ldt)
        {
            return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        }

        if (!CheckSystemSegment(selector, descriptor, out fault)) return false;
        _ldtr = new(selector, descriptor.Base, descriptor.Limit, descriptor.Attributes);
        return true;
    }

    /// <summary>LTR: loads TR and marks the task-state segment busy.</summary>
    /// <param name="selector">A selector of the GDT.</param>
    /// <param name="fault">As for <see cref="TryLoadLdtr"/>, and #GP(0) for a null selector; #PF also of marking the descriptor.</param>
    /// <returns>Whether TR was loaded.</returns>
    /// <remarks>Source: Intel SDM vol. 2A, "LTR".</remarks>
    /// <example><code>
    /// Console.WriteLine(segments.TryLoadTr(0x80, out MmuFault fault));                // True
    /// Console.WriteLine(segments.Tr);                                                 // 0x80 (GDT 16, RPL 0): BusyTss DPL 0, base 0x3000, limit 0x407b
    /// Console.WriteLine(segments.TryLoadTr(0x80, out fault));                         // False
    /// Console.WriteLine(fault);                                                       // #GP(0x80): segment type
    /// </code></example>
    public bool TryLoadTr(Selector selector, out MmuFault fault)
    {
        if (Cpl != 0) return Fail(FaultReason.SegmentPrivilege, out fault);
        if (selector.IsNull) return Fail(FaultReason.NullSelector, out fault);
        if (!TryReadSystemDescriptor(selector, out SystemDescriptor descriptor, out ulong address, out fault)) return false;
        SystemSegmentType type = descriptor.Attributes.SystemType;
        bool available = type == SystemSegmentType.AvailableTss || (type == SystemSegmentType.AvailableTss16 && !LongMode);
        if (descriptor.Attributes.S || !available) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        if (!CheckSystemSegment(selector, descriptor, out fault)) return false;
        if (!_memory.TrySetBits(TableAddress(address, SegmentDescriptor.AccessRightsByte), BusyBit, out fault)) return false;
        _tr = new(selector, descriptor.Base, descriptor.Limit, new((ushort)(descriptor.Attributes.Value | BusyBit)));
        return true;
    }

    private bool TryReadSystemDescriptor(Selector selector, out SystemDescriptor descriptor, out ulong address, out MmuFault fault)
    {
        descriptor = default;
        address = 0;
        if (selector.Local) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SelectorOutsideTable, out fault);
        bool wide = _mode == SegmentationMode.SixtyFourBit;
        if (!TryFindDescriptor(selector, wide ? 16u : 8u, out address, out fault)) return false;
        if (!_memory.TryRead64(address, out ulong low, out fault)) return false;
        ulong high = 0;
        if (wide && !_memory.TryRead64(TableAddress(address, 8), out high, out fault)) return false;
        descriptor = new(low, high);
        return true;
    }

    private bool CheckSystemSegment(Selector selector, SystemDescriptor descriptor, out MmuFault fault)
    {
        fault = default;
        if (!descriptor.UpperTypeIsZero) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        if (!descriptor.Attributes.P) return Fail(ExceptionVector.SegmentNotPresent, selector, FaultReason.SegmentNotPresent, out fault);
        return new LinearAddress(descriptor.Base).IsCanonical(Features.LinearAddressBits)
            || Fail(ExceptionVector.GeneralProtection, selector, FaultReason.NonCanonical, out fault);
    }
}
