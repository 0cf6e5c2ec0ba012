using FastMmu.Addresses;

namespace FastMmu.Cli.Recorded;

/// <summary>What a segment row did.</summary>
internal enum SegmentAction : byte
{
    /// <summary><c>R</c>: loads the register, then reads through it.</summary>
    Read,

    /// <summary><c>W</c>: loads the register, then writes through it.</summary>
    Write,

    /// <summary><c>M</c>: loads the register, then reads and writes through it.</summary>
    ReadModifyWrite,

    /// <summary><c>L</c>: loads the register, no more.</summary>
    Load,

    /// <summary><c>J</c>: a far jump.</summary>
    FarJump,
}

/// <summary>Where a segment row stopped.</summary>
internal enum SegmentStage : byte
{
    /// <summary>Nowhere.</summary>
    Done,

    /// <summary>Loading the register.</summary>
    Load,

    /// <summary>The access.</summary>
    Access,

    /// <summary>The far jump.</summary>
    FarJump,
}

/// <summary>One recorded segment load, access or far jump of 32-bit code. One object serves a whole file.</summary>
internal sealed class SegmentRow
{
    /// <summary>The row's name in its file.</summary>
    public string Id { get; set; } = "";

    /// <summary>Whether the code ran in compatibility mode, under long mode; else in protected mode without paging.</summary>
    public bool Compatibility { get; set; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; set; }

    /// <summary>What was done.</summary>
    public SegmentAction Kind { get; set; }

    /// <summary>Bytes accessed; 0 for a load or a jump.</summary>
    public int Size { get; set; }

    /// <summary>The register loaded and used; CS for a jump.</summary>
    public SegmentRegister Register { get; set; }

    /// <summary>The selector loaded.</summary>
    public ushort Selector { get; set; }

    /// <summary>The descriptor the selector names; 0 for a null selector or one outside its table.</summary>
    public ulong Descriptor { get; set; }

    /// <summary>Limit of the GDT in bytes, inclusive.</summary>
    public ushort GdtLimit { get; set; }

    /// <summary>Limit of the LDT in bytes, inclusive.</summary>
    public ushort LdtLimit { get; set; }

    /// <summary>Offset of the access, or of the jump's target.</summary>
    public uint Offset { get; set; }

    /// <summary>Where the row stopped.</summary>
    public SegmentStage Stage { get; set; }

    /// <summary>The exception vector; 0 for none.</summary>
    public int Vector { get; set; }

    /// <summary>The error code, if there was an exception.</summary>
    public uint ErrorCode { get; set; }

    /// <summary>The linear address accessed or jumped to; null where there was none.</summary>
    public ulong? Linear { get; set; }

    /// <summary>The descriptor afterwards; null where it was not recorded.</summary>
    public ulong? DescriptorAfter { get; set; }
}
