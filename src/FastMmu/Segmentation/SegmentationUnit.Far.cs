using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// Far jumps, calls and returns to a code segment; call gates are next door.
public sealed partial class SegmentationUnit
{
    private const int Cs = (int)SegmentRegister.CS;
    private const int Ss = (int)SegmentRegister.SS;

    /// <summary>A far jump: to a code segment, or through a call gate.</summary>
    /// <param name="selector">The selector of the operand.</param>
    /// <param name="offset">The offset of the operand, cut to the operand size; a gate has its own.</param>
    /// <param name="transfer">What happened.</param>
    /// <param name="fault">
    /// #GP(0) for a null selector or a target outside the segment (or not canonical), #GP(selector), #NP(selector), or #PF of reading or
    /// marking a descriptor. A task-state segment or task gate is refused with #GP(selector): hardware task switches are not modelled.
    /// </param>
    /// <returns>Whether the jump was made; if not, nothing has changed.</returns>
    /// <remarks>Source: Intel SDM vol. 2A, "JMP — Jump"; vol. 3A, "Privilege Level Checking When Transferring Program Control Between Code Segments" (5.8).</remarks>
    /// <example><code>
    /// Console.WriteLine(segments.TryFarJump(0x90, 0x1234, out FarTransfer transfer, out MmuFault fault));     // True
    /// Console.WriteLine($"0x{transfer.Offset:x}");                                                            // 0x1234
    /// Console.WriteLine(segments[SegmentRegister.CS].Limit);                                                  // 65535
    /// Console.WriteLine(segments.TryFarJump(0x73, 0, out transfer, out fault));                               // False
    /// Console.WriteLine(fault);                                                                               // #GP(0x70): segment privilege
    /// </code></example>
    public bool TryFarJump(Selector selector, ulong offset, out FarTransfer transfer, out MmuFault fault) =>
        TryTransfer(selector, offset, isCall: false, out transfer, out fault);

    /// <summary>A far call: to a code segment, or through a call gate, to an inner privilege level with a change of stack if the gate says so.</summary>
    /// <param name="selector">The selector of the operand.</param>
    /// <param name="offset">The offset of the operand, cut to the operand size; a gate has its own.</param>
    /// <param name="transfer">What happened, and what is to be pushed.</param>
    /// <param name="fault">As for <see cref="TryFarJump"/>; and #TS and #SS with a selector for the inner stack.</param>
    /// <returns>Whether the call was made; if not, nothing has changed.</returns>
    /// <remarks>
    /// The return address is pushed afterwards, through the new SS; if that faults, <see cref="Undo"/> takes the call back.
    /// Source: Intel SDM vol. 2A, "CALL — Call Procedure".
    /// </remarks>
    /// <example><code>
    /// CallGate gate = CallGate.Create(target: 0x60, offset: 0x4000, dpl: 0);
    /// memory.Write(0x1000 + 29 * 8, gate.Low);                                        // entry 29 of the GDT is free
    /// segments.TryFarCall(29 * 8, 0, out FarTransfer transfer, out _);
    /// Console.WriteLine($"0x{transfer.Offset:x}");                                    // 0x4000
    /// Console.WriteLine(transfer.OldCode.Selector);                                   // 0x60 (GDT 12, RPL 0)
    /// Console.WriteLine(transfer.GateOperandSize);                                    // 4
    /// </code></example>
    public bool TryFarCall(Selector selector, ulong offset, out FarTransfer transfer, out MmuFault fault) =>
        TryTransfer(selector, offset, isCall: true, out transfer, out fault);

    /// <summary>Takes a far jump or call back: CS, SS and CPL are as before.</summary>
    /// <param name="transfer">The transfer, the last one made.</param>
    /// <example><code>
    /// segments.TryFarCall(0x90, 0, out FarTransfer transfer, out _);
    /// segments[SegmentRegister.SS] = segments[SegmentRegister.SS] with { Limit = 0xfff };
    /// if (!mmu.TryWrite(SegmentRegister.SS, 0x1000, transfer.OldCode.Selector.Value, out MmuFault fault)) segments.Undo(in transfer);
    /// Console.WriteLine(fault);                                                       // #SS(0): outside the segment limit
    /// Console.WriteLine(segments[SegmentRegister.CS].Selector);                       // 0x60 (GDT 12, RPL 0)
    /// </code></example>
    public void Undo(in FarTransfer transfer)
    {
        StoredCpl = transfer.OldCpl;
        _segments[Ss] = transfer.OldStack;
        SetSegment(Cs, transfer.OldCode);
    }

    /// <summary>A far return or the segment part of IRET: to the same privilege level or an outer one.</summary>
    /// <param name="code">The selector popped for CS; its RPL is the new CPL.</param>
    /// <param name="offset">The offset popped.</param>
    /// <param name="stack">The selector popped for SS; counts if SS is loaded.</param>
    /// <param name="alwaysLoadsStack">Whether SS is popped even without a change of level, as IRET does in 64-bit mode.</param>
    /// <param name="transfer">What happened.</param>
    /// <param name="fault">
    /// #GP(0) for null selectors that are not allowed and for a target outside the segment (or not canonical), #GP(selector),
    /// #NP(code), #SS(stack) for a stack segment that is not present, or #PF of reading or marking a descriptor.
    /// </param>
    /// <returns>Whether the return was made; if not, nothing has changed.</returns>
    /// <remarks>
    /// Data segments that the outer level may not use become null. A return to virtual-8086 mode is no descriptor check at all: set RFLAGS.VM
    /// and load the registers there. Source: Intel SDM vol. 2B, "RET" and vol. 2A, "IRET".
    /// </remarks>
    /// <example><code>
    /// Console.WriteLine(segments.TryFarReturn(0x73, 0x1234, stack: 0x7b, alwaysLoadsStack: false, out _, out MmuFault fault));    // True
    /// Console.WriteLine(segments.Cpl);                                                                                            // 3
    /// Console.WriteLine(segments[SegmentRegister.SS].Selector);                                                                   // 0x7b (GDT 15, RPL 3)
    /// </code></example>
    public bool TryFarReturn(
        Selector code, ulong offset, Selector stack, bool alwaysLoadsStack, out FarTransfer transfer, out MmuFault fault)
    {
        if (_mode is SegmentationMode.Real or SegmentationMode.Virtual8086) return TryRealModeTransfer(code, offset, out transfer, out fault);
        transfer = default;
        if (code.IsNull) return Fail(FaultReason.NullSelector, out fault);
        if (!TryReadDescriptor(code, out SegmentDescriptor descriptor, out ulong address, out fault)) return false;
        int privilege = code.Rpl;
        SegmentAttributes attributes = descriptor.Attributes;
        if (!IsLegalCode(attributes)) return Fail(ExceptionVector.GeneralProtection, code, FaultReason.SegmentType, out fault);
        bool allowed = privilege >= StoredCpl && (attributes.IsConformingCode ? attributes.Dpl <= privilege : attributes.Dpl == privilege);
        if (!allowed) return Fail(ExceptionVector.GeneralProtection, code, FaultReason.SegmentPrivilege, out fault);
        if (!attributes.P) return Fail(ExceptionVector.SegmentNotPresent, code, FaultReason.SegmentNotPresent, out fault);

        bool outer = privilege > StoredCpl;
        bool loadsStack = outer || alwaysLoadsStack;
        bool to64Bit = LongMode && attributes.L;
        SegmentDescriptor stackDescriptor = default;
        ulong stackAddress = 0;
        if (loadsStack && stack.IsNull)
        {
            if (!to64Bit || privilege == 3) return Fail(FaultReason.NullSelector, out fault);
        }
        else if (loadsStack)
        {
            if (!TryReadDescriptor(stack, out stackDescriptor, out stackAddress, out fault)) return false;
            if (!CheckStackSegment(stack, stackDescriptor.Attributes, privilege, ExceptionVector.GeneralProtection, out fault)) return false;
        }

        if (!CheckTarget(descriptor, offset, out fault)) return false;
        if (!TryMarkAccessed(ref descriptor, address, out fault)) return false;
        CachedSegment newStack = CachedSegment.Null(stack);
        if (loadsStack && !stack.IsNull)
        {
            if (!TryMarkAccessed(ref stackDescriptor, stackAddress, out fault)) return false;
            newStack = CachedSegment.FromDescriptor(stack, stackDescriptor);
        }

        transfer = Leave(offset);
        StoredCpl = privilege;
        if (loadsStack) _segments[Ss] = newStack;
        SetSegment(Cs, CachedSegment.FromDescriptor(code, descriptor));
        if (outer) DropInnerSegments();
        return true;
    }

    private bool TryTransfer(Selector selector, ulong offset, bool isCall, out FarTransfer transfer, out MmuFault fault)
    {
        if (_mode is SegmentationMode.Real or SegmentationMode.Virtual8086) return TryRealModeTransfer(selector, offset, out transfer, out fault);
        transfer = default;
        if (selector.IsNull) return Fail(FaultReason.NullSelector, out fault);
        if (!TryReadDescriptor(selector, out SegmentDescriptor descriptor, out ulong address, out fault)) return false;
        SegmentAttributes attributes = descriptor.Attributes;
        if (!attributes.S) return TryThroughGate(selector, descriptor, address, isCall, out transfer, out fault);

        if (!IsLegalCode(attributes)) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentType, out fault);
        bool allowed = attributes.IsConformingCode ? attributes.Dpl <= StoredCpl : selector.Rpl <= StoredCpl && attributes.Dpl == StoredCpl;
        if (!allowed) return Fail(ExceptionVector.GeneralProtection, selector, FaultReason.SegmentPrivilege, out fault);
        if (!attributes.P) return Fail(ExceptionVector.SegmentNotPresent, selector, FaultReason.SegmentNotPresent, out fault);
        if (!CheckTarget(descriptor, offset, out fault)) return false;
        if (!TryMarkAccessed(ref descriptor, address, out fault)) return false;
        transfer = Leave(offset);
        SetSegment(Cs, CachedSegment.FromDescriptor(selector.WithRpl(StoredCpl), descriptor));
        return true;
    }

    private bool TryRealModeTransfer(Selector selector, ulong offset, out FarTransfer transfer, out MmuFault fault)
    {
        CachedSegment target = RealModeSegment(_segments[Cs], selector);
        fault = default;
        transfer = Leave(offset);
        bool limited = _mode == SegmentationMode.Virtual8086 || Features.RealModeLimits;
        if (limited && offset > target.Limit) return Fail(FaultReason.SegmentLimit, out fault, offset);
        SetSegment(Cs, target);
        return true;
    }

    private FarTransfer Leave(ulong offset) => new(offset, _segments[Cs], _segments[Ss], StoredCpl);

    // L and D/B together are reserved in long mode; outside it L means nothing.
    private bool IsLegalCode(SegmentAttributes attributes) => attributes.IsCode && !(LongMode && attributes.L && attributes.Db);

    private bool CheckTarget(SegmentDescriptor code, ulong offset, out MmuFault fault)
    {
        fault = default;
        if (LongMode && code.Attributes.L) return IsCanonical(offset) || Fail(FaultReason.NonCanonical, out fault, offset);
        return offset <= code.Limit || Fail(FaultReason.SegmentLimit, out fault, offset);
    }

    // A register that is null already keeps its base, which FS and GS may have from an MSR.
    private void DropInnerSegments()
    {
        ReadOnlySpan<SegmentRegister> registers = [SegmentRegister.ES, SegmentRegister.DS, SegmentRegister.FS, SegmentRegister.GS];
        foreach (SegmentRegister register in registers)
        {
            CachedSegment segment = _segments[(int)register];
            if (segment.Usable && segment.Attributes.Dpl < StoredCpl && !segment.Attributes.IsConformingCode)
            {
                SetSegment((int)register, segment with { Selector = default, Limit = 0, Attributes = default });
            }
        }
    }
}
