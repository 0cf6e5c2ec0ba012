using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Reference;

/// <summary>From a logical address to a linear one, and the fields of descriptors, in the plainest way.</summary>
/// <remarks>
/// <code>
/// attributes:  15  14   13  12   11:8  7   6:5  4   3    2     1    0
///             +---+-----+---+---+----+---+-----+---+---+-----+-----+---+
///             | G | D/B | L |AVL| -  | P | DPL | S |cod|E / C|W / R| A |
///             +---+-----+---+---+----+---+-----+---+---+-----+-----+---+
/// </code>
/// Source: Intel SDM vol. 3A, "Segment Descriptors" (3.4.5), "Limit Checking" (5.3), "Type Checking" (5.4), "Segmentation in IA-32e Mode" (3.2.4).
/// </remarks>
public static class ReferenceSegmentation
{
    /// <summary>Translates a logical address.</summary>
    /// <param name="state">The registers outside segmentation.</param>
    /// <param name="code">CS with its hidden part; its L flag decides between 64-bit and compatibility mode.</param>
    /// <param name="register">The segment register used.</param>
    /// <param name="segment">What it holds, hidden part included.</param>
    /// <param name="offset">Offset of the first byte; outside 64-bit mode only bits 31:0 count.</param>
    /// <param name="size">How many bytes are accessed, at least 1.</param>
    /// <param name="access">What the access does.</param>
    public static ReferenceLinear Translate(
        in PagingState state, in CachedSegment code, SegmentRegister register, in CachedSegment segment, ulong offset, int size, Access access)
    {
        bool protectedMode = Bits.IsSet(state.Cr0.Value, 0);        // CR0.PE
        bool longMode = Bits.IsSet(state.Efer.Value, 10);           // IA32_EFER.LMA
        bool virtual8086 = protectedMode && !longMode && Bits.IsSet(state.RFlags.Value, 17); // RFLAGS.VM
        if (longMode && Bits.IsSet(code.Attributes.Value, 13)) return In64BitMode(state, register, segment, offset, size, access);

        ulong first = offset & 0xffff_ffff;
        bool realMode = !protectedMode;
        List<FaultReason> violations = [];

        // P=0 in the hidden part stands for a register that was loaded with a null selector.
        if (!Bits.IsSet(segment.Attributes.Value, 7)) violations.Add(FaultReason.NullSelector);

        // In real and virtual-8086 mode CS may be read and written like any other segment, and grows upwards.
        bool typeMatters = !((realMode || virtual8086) && register == SegmentRegister.CS);
        if (typeMatters && !TypeAllows(segment.Attributes.Value, access, register == SegmentRegister.CS)) violations.Add(FaultReason.SegmentType);

        // A processor without limits in real mode has offsets of 32 bits all the same.
        bool limited = !realMode || state.Features.RealModeLimits;
        bool inside = limited ? LimitAllows(segment, first, size, typeMatters) : first + (ulong)(size - 1) <= 0xffff_ffff;
        if (!inside) violations.Add(FaultReason.SegmentLimit);
        if (violations.Count != 0) return new ReferenceLinear(0, FaultOf(register, violations));
        return new ReferenceLinear((segment.Base + first) & 0xffff_ffff, null);
    }

    /// <summary>The base in the eight bytes of a descriptor: bits 63:56 and 39:16.</summary>
    /// <param name="descriptor">The eight bytes.</param>
    public static uint Base(ulong descriptor) => (uint)((Bits.Field(descriptor, 63, 56) << 24) | Bits.Field(descriptor, 39, 16));

    /// <summary>The limit in bytes: bits 51:48 and 15:0, in pages of 4 KiB whose last byte counts if G (bit 55) is 1.</summary>
    /// <param name="descriptor">The eight bytes.</param>
    public static uint Limit(ulong descriptor)
    {
        ulong field = (Bits.Field(descriptor, 51, 48) << 16) | Bits.Field(descriptor, 15, 0);
        return (uint)(Bits.IsSet(descriptor, 55) ? (field * 4096) + 4095 : field);
    }

    /// <summary>The attributes: bits 55:52 and 47:40 with a gap of four between them.</summary>
    /// <param name="descriptor">The eight bytes.</param>
    public static ushort Attributes(ulong descriptor) => (ushort)((Bits.Field(descriptor, 55, 52) << 12) | Bits.Field(descriptor, 47, 40));

    private static ReferenceLinear In64BitMode(
        in PagingState state, SegmentRegister register, in CachedSegment segment, ulong offset, int size, Access access)
    {
        // Bases count for FS and GS only, limits and types not at all.
        ulong linear = offset + (register is SegmentRegister.FS or SegmentRegister.GS ? segment.Base : 0);
        var controls = new Controls(state);
        ulong effective = LinearRules.Effective(controls, new ReferenceAccess(linear, access, Privilege.Supervisor));
        return IsCanonical(controls, effective) && IsCanonical(controls, effective + (ulong)(size - 1))
            ? new ReferenceLinear(effective, null)
            : new ReferenceLinear(0, FaultOf(register, [FaultReason.NonCanonical]));
    }

    private static bool IsCanonical(Controls controls, ulong linear)
    {
        ulong upper = linear & Bits.Range(63, controls.Mode == ReferenceMode.FiveLevel ? 56 : 47);
        return upper == 0 || upper == Bits.Range(63, controls.Mode == ReferenceMode.FiveLevel ? 56 : 47);
    }

    private static bool TypeAllows(ushort attributes, Access access, bool throughCs)
    {
        bool isSegment = Bits.IsSet(attributes, 4);                 // S
        bool isCode = isSegment && Bits.IsSet(attributes, 3);
        bool isData = isSegment && !Bits.IsSet(attributes, 3);
        return access switch
        {
            // What stands in CS is fetched from, whatever its type: right after CR0.PE was set it is still a real-mode segment.
            Access.Execute => isCode || throughCs,
            Access.Write or Access.ShadowStackWrite => isData && Bits.IsSet(attributes, 1),
            _ => isData || (isCode && Bits.IsSet(attributes, 1)),
        };
    }

    private static bool LimitAllows(in CachedSegment segment, ulong first, int size, bool typeMatters)
    {
        ulong last = first + (ulong)(size - 1);
        ushort attributes = segment.Attributes.Value;
        bool expandDown = typeMatters && Bits.IsSet(attributes, 4) && !Bits.IsSet(attributes, 3) && Bits.IsSet(attributes, 2);
        if (!expandDown) return last <= segment.Limit;

        // Offsets above the limit, up to FFFFH or, with B=1, FFFFFFFFH.
        ulong top = Bits.IsSet(attributes, 14) ? 0xffff_ffff : 0xffff;
        return first > segment.Limit && last <= top;
    }

    private static ReferenceFault FaultOf(SegmentRegister register, List<FaultReason> violations) =>
        new(register == SegmentRegister.SS ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0, null, 0, violations);
}
