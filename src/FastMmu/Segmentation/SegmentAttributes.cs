namespace FastMmu.Segmentation;

/// <summary>
/// Everything in a descriptor but base and limit, in the order in which it stands in the upper doubleword. It is the <c>flags</c> of the
/// Linux kernel's <c>GDT_ENTRY_INIT(flags, base, limit)</c>.
/// </summary>
/// <param name="Value">The raw 16 bits; bits 11:8, where the descriptor has limit bits, are 0.</param>
/// <remarks>
/// <code>
///  15  14   13  12    11     8  7   6   5  4   3      0
/// +---+-----+---+-----+--------+---+-----+---+--------+
/// | G | D/B | L | AVL | (limit)| P | DPL | S |  type  |
/// +---+-----+---+-----+--------+---+-----+---+--------+
/// </code>
/// Source: Intel SDM vol. 3A, "Segment Descriptors" (3.4.5).
/// </remarks>
public readonly record struct SegmentAttributes(ushort Value)
{
    /// <summary>The bits that are attributes; the rest belongs to the limit.</summary>
    public const ushort Mask = 0xf0ff;

    /// <summary>Bits 3:0: the type.</summary>
    public const ushort TypeMask = 0xf;

    /// <summary>Bit 0: the processor has loaded the segment.</summary>
    public const ushort AccessedBit = 1 << 0;

    /// <summary>Bit 1 of data: writable. Bit 1 of code: readable.</summary>
    public const ushort WritableOrReadableBit = 1 << 1;

    /// <summary>Bit 2 of data: expand-down. Bit 2 of code: conforming.</summary>
    public const ushort ExpandDownOrConformingBit = 1 << 2;

    /// <summary>Bit 3: code.</summary>
    public const ushort CodeBit = 1 << 3;

    /// <summary>Bit 4: S: code or data; clear for a system segment or gate.</summary>
    public const ushort SBit = 1 << 4;

    /// <summary>Position of the two bits of DPL.</summary>
    public const int DplShift = 5;

    /// <summary>Bit 7: P: present.</summary>
    public const ushort PBit = 1 << 7;

    /// <summary>Bit 12: AVL: software's own.</summary>
    public const ushort AvlBit = 1 << 12;

    /// <summary>Bit 13: L: 64-bit code.</summary>
    public const ushort LBit = 1 << 13;

    /// <summary>Bit 14: D/B: 32-bit code, 32-bit stack, or 4-GiB upper bound of an expand-down segment.</summary>
    public const ushort DbBit = 1 << 14;

    /// <summary>Bit 15: G: the limit counts pages of 4 KiB.</summary>
    public const ushort GBit = 1 << 15;

    /// <summary>The type of a code or data segment.</summary>
    public SegmentType Type => (SegmentType)(Value & TypeMask);

    /// <summary>The type of a system segment or gate.</summary>
    public SystemSegmentType SystemType => (SystemSegmentType)(Value & TypeMask);

    /// <summary>S: code or data; false for a system segment or gate.</summary>
    public bool S => (Value & SBit) != 0;

    /// <summary>Descriptor privilege level, 0 to 3.</summary>
    public int Dpl => (Value >> DplShift) & 3;

    /// <summary>P: present.</summary>
    public bool P => (Value & PBit) != 0;

    /// <summary>AVL: software's own.</summary>
    public bool Avl => (Value & AvlBit) != 0;

    /// <summary>L: 64-bit code.</summary>
    public bool L => (Value & LBit) != 0;

    /// <summary>D/B: 32-bit code, 32-bit stack, or 4-GiB upper bound of an expand-down segment.</summary>
    public bool Db => (Value & DbBit) != 0;

    /// <summary>G: the limit counts pages of 4 KiB.</summary>
    public bool G => (Value & GBit) != 0;

    /// <summary>Whether the processor has loaded this code or data segment.</summary>
    public bool IsAccessed => (Value & (SBit | AccessedBit)) == (SBit | AccessedBit);

    /// <summary>Whether this is a code segment.</summary>
    public bool IsCode => (Value & (SBit | CodeBit)) == (SBit | CodeBit);

    /// <summary>Whether this is a data segment.</summary>
    public bool IsData => (Value & (SBit | CodeBit)) == SBit;

    /// <summary>Whether this is a conforming code segment.</summary>
    public bool IsConformingCode => IsCode && (Value & ExpandDownOrConformingBit) != 0;

    /// <summary>Whether this is data that can be written.</summary>
    public bool IsWritableData => IsData && (Value & WritableOrReadableBit) != 0;

    /// <summary>Whether this is data whose valid offsets lie above the limit.</summary>
    public bool IsExpandDown => IsData && (Value & ExpandDownOrConformingBit) != 0;

    /// <summary>Whether this can be read: any data, and code that is not execute-only.</summary>
    public bool IsReadable => S && (Value & (CodeBit | WritableOrReadableBit)) != CodeBit;

    /// <summary>The highest offset that any segment with these attributes can have: FFFFh for a 16-bit expand-down segment, else FFFFFFFFh.</summary>
    public uint UpperBound => IsExpandDown && !Db ? 0xffff : 0xffff_ffff;

    /// <summary>Reads raw bits as attributes; bits 11:8 are dropped.</summary>
    /// <param name="value">The raw bits.</param>
    public static implicit operator SegmentAttributes(ushort value) => new((ushort)(value & Mask));

    /// <summary>The attributes in words: <c>code32 RX accessed DPL 3</c>, <c>data RW expand-down DPL 0 not present</c>, <c>LDT DPL 0</c>.</summary>
    public override string ToString()
    {
        string kind;
        if (IsCode)
        {
            kind = $"{(L ? "code64" : Db ? "code32" : "code16")} {(IsReadable ? "RX" : "X")}{(IsConformingCode ? " conforming" : "")}{Suffix}";
        }
        else if (IsData)
        {
            kind = $"data {(IsWritableData ? "RW" : "R")}{(IsExpandDown ? " expand-down" : "")}{Suffix}";
        }
        else
        {
            kind = SystemType.ToString();
        }

        return $"{kind} DPL {Dpl}{(P ? "" : " not present")}";
    }

    private string Suffix => IsAccessed ? " accessed" : "";
}
