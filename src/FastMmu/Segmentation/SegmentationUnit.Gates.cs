using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// Call gates, and the inner stack that the task-state segment holds for them.
public sealed partial class SegmentationUnit
{
    private bool TryThroughGate(
        Selector selector, SegmentDescriptor low, ulong address, bool isCall, out FarTransfer transfer, out MmuFault fault)
    {
        transfer = default;
        var gate = new CallGate(low.Value);
        SegmentAttributes attributes = gate.Attributes;
        bool isGate = attributes.SystemType == SystemSegmentType.CallGate || (attributes.SystemType == SystemSegmentType.CallGate16 && !LongMode);
        if (!isGate) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        if (LongMode)
        {
            if (!TryFindDescriptor(selector, 16, out _, out fault)) return false;
            if (!_memory.TryRead64(TableAddress(address, DescriptorSize), out ulong high, out fault)) return false;
            if (!new SystemDescriptor(low.Value, high).UpperTypeIsZero)
            {
                return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
            }

            gate = new(low.Value, high & uint.MaxValue);
        }

        if (Math.Max(selector.Rpl, StoredCpl) > attributes.Dpl)
        {
            return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentPrivilege, out fault);
        }

        if (!attributes.P) return Fail(ExceptionVector.SegmentNotPresent, selector, FaultReason.SegmentNotPresent, out fault);
        return TryGateTarget(gate, isCall, out transfer, out fault);
    }

    private bool TryGateTarget(CallGate gate, bool isCall, out FarTransfer transfer, out MmuFault fault)
    {
        transfer = default;
        Selector selector = gate.Target;
        if (selector.IsNull) return Fail(FaultReason.NullSelector, out fault);
        if (!TryReadDescriptor(selector, out SegmentDescriptor code, out ulong address, out fault)) return false;
        SegmentAttributes attributes = code.Attributes;
        // A gate of long mode leads to 64-bit code only.
        if (!IsLegalCode(attributes) || (LongMode && !attributes.L))
        {
            return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        }

        bool sameLevel = attributes.IsConformingCode || attributes.Dpl == StoredCpl;
        if (attributes.Dpl > StoredCpl || (!sameLevel && !isCall))
        {
            return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentPrivilege, out fault);
        }

        if (!attributes.P) return Fail(ExceptionVector.SegmentNotPresent, selector, FaultReason.SegmentNotPresent, out fault);

        int operandSize = LongMode ? 8 : gate.Attributes.SystemType == SystemSegmentType.CallGate16 ? 2 : 4;
        int parameters = LongMode ? 0 : gate.Parameters;
        if (sameLevel)
        {
            if (!CheckTarget(code, gate.Offset, out fault)) return false;
            if (!TryMarkAccessed(ref code, address, out fault)) return false;
            transfer = Leave(gate.Offset) with { GateOperandSize = operandSize };
            SetSegment(Cs, CachedSegment.FromDescriptor(selector.WithRpl(StoredCpl), code));
            return true;
        }

        int inner = attributes.Dpl;
        if (!TryReadInnerStack(inner, out Selector stackSelector, out ulong stackPointer, out fault)) return false;
        CachedSegment stack = CachedSegment.Null(stackSelector);
        SegmentDescriptor stackDescriptor = default;
        ulong stackAddress = 0;
        if (!LongMode)
        {
            if (!TryCheckInnerStack(stackSelector, inner, out stackDescriptor, out stackAddress, out fault)) return false;
            uint bytes = (uint)(operandSize * (4 + parameters));
            if (!HasRoom(CachedSegment.FromDescriptor(stackSelector, stackDescriptor), stackPointer, bytes))
            {
                return Fail(ExceptionVector.StackFault, stackSelector, FaultReason.SegmentLimit, out fault);
            }
        }

        if (!CheckTarget(code, gate.Offset, out fault)) return false;
        if (!LongMode)
        {
            if (!TryMarkAccessed(ref stackDescriptor, stackAddress, out fault)) return false;
            stack = CachedSegment.FromDescriptor(stackSelector, stackDescriptor);
        }

        if (!TryMarkAccessed(ref code, address, out fault)) return false;
        transfer = Leave(gate.Offset) with
        {
            SwitchesStack = true, StackPointer = stackPointer, GateOperandSize = operandSize, Parameters = parameters,
        };
        StoredCpl = inner;
        _segments[Ss] = stack;
        SetSegment(Cs, CachedSegment.FromDescriptor(selector.WithRpl(inner), code));
        return true;
    }

    /// <summary>SS:SP of a privilege level from the task-state segment; in long mode SS is null with the level as its RPL.</summary>
    /// <remarks>
    /// <code>
    /// offset of level n, and what stands there
    /// 16-bit TSS   2 + 4n   SP:2 SS:2
    /// 32-bit TSS   4 + 8n   ESP:4 SS:2
    /// 64-bit TSS   4 + 8n   RSP:8
    /// </code>
    /// Source: Intel SDM vol. 3A, "Stack Switching" (5.8.5), figures 8-2, 8-10 and 8-11.
    /// </remarks>
    private bool TryReadInnerStack(int level, out Selector selector, out ulong pointer, out MmuFault fault)
    {
        selector = default;
        pointer = 0;
        bool is16Bit = !LongMode && _tr.Attributes.SystemType is SystemSegmentType.AvailableTss16 or SystemSegmentType.BusyTss16;
        uint offset = is16Bit ? 2u + (4u * (uint)level) : 4u + (8u * (uint)level);
        uint end = offset + (LongMode ? 8u : is16Bit ? 4u : 6u);
        if (!_tr.Usable || end - 1 > _tr.Limit)
        {
            return Fail(ExceptionVector.InvalidTss, _tr.Selector, FaultReason.SegmentLimit, out fault);
        }

        // Eight bytes that end where the fields end, so that nothing behind them can fault.
        uint start = end < 8 ? 0 : end - 8;
        if (!_memory.TryRead64(TableAddress(_tr.Base, start), out ulong raw, out fault)) return false;
        ulong fields = raw >> (8 * (int)(offset - start));
        if (LongMode)
        {
            selector = new Selector(0).WithRpl(level);
            pointer = fields;
        }
        else
        {
            pointer = fields & (is16Bit ? 0xffffu : 0xffff_ffffu);
            selector = (ushort)(fields >> (is16Bit ? 16 : 32));
        }

        return true;
    }

    private bool TryCheckInnerStack(
        Selector selector, int level, out SegmentDescriptor descriptor, out ulong address, out MmuFault fault)
    {
        descriptor = default;
        address = 0;
        if (selector.IsNull) return Fail(ExceptionVector.InvalidTss, selector, FaultReason.NullSelector, out fault);
        if (!TryReadDescriptor(selector, out descriptor, out address, out fault))
        {
            // Outside its table is the task-state segment's fault here; a page fault stays one.
            return fault.Vector == ExceptionVector.GeneralProtection
                && Fail(ExceptionVector.InvalidTss, selector, FaultReason.SelectorOutsideTable, out fault);
        }

        return CheckStackSegment(selector, descriptor.Attributes, level, ExceptionVector.InvalidTss, out fault);
    }

    private static bool HasRoom(in CachedSegment stack, ulong pointer, uint bytes)
    {
        ulong mask = stack.Attributes.Db ? uint.MaxValue : ushort.MaxValue;
        SegmentWindow window = SegmentWindow.Limited(stack, isCodeRegister: false, anyType: false, unlimited: false);
        ulong first = ((pointer - bytes) & mask) + window.Bias;
        return (first <= window.Span) & (first + bytes - 1 <= window.Span);
    }
}
