using FastMmu.Reference;

namespace FastMmu.Cli.Recorded;

/// <summary>What one of the two pages of a row allows to user code.</summary>
internal enum PageProtection : byte
{
    /// <summary><c>N</c>, or <c>-</c>: not present.</summary>
    NotPresent,

    /// <summary><c>R</c>: R/W=0, XD=1.</summary>
    Read,

    /// <summary><c>RW</c>: R/W=1, XD=1.</summary>
    ReadWrite,

    /// <summary><c>RX</c>: R/W=0, XD=0.</summary>
    ReadExecute,

    /// <summary><c>RWX</c>: R/W=1, XD=0.</summary>
    All,
}

/// <summary>Where the instruction pointer stood when a row of two pages ended.</summary>
internal enum FaultingInstruction : byte
{
    /// <summary><c>-</c>: no fault.</summary>
    None,

    /// <summary><c>0</c>: on the instruction that accesses or jumps.</summary>
    Access,

    /// <summary><c>t</c>: on the first instruction of the target, ten bytes long.</summary>
    FirstOfTarget,

    /// <summary><c>t+10</c>: on the second instruction of the target, three bytes long.</summary>
    SecondOfTarget,
}

/// <summary>
/// One recorded access by user code in 64-bit mode to two adjacent pages of 4 KiB, or to an address that is not canonical. One object serves a
/// whole file.
/// </summary>
internal sealed class PagePairRow
{
    /// <summary>The first page; the second follows.</summary>
    public const ulong FirstPage = 0x1234_0000_1000;

    /// <summary>The row's name in its file.</summary>
    public string Id { get; set; } = "";

    /// <summary>What the access does; never implicit.</summary>
    public PagingVectorKind Kind { get; set; }

    /// <summary>Bytes accessed; 0 for a fetch.</summary>
    public int Size { get; set; }

    /// <summary>Whether the access went through SS.</summary>
    public bool Stack { get; set; }

    /// <summary>The linear address.</summary>
    public ulong Linear { get; set; }

    /// <summary>Protection of the first page.</summary>
    public PageProtection Page1 { get; set; }

    /// <summary>Protection of the second page.</summary>
    public PageProtection Page2 { get; set; }

    /// <summary>The exception vector; 0 for none.</summary>
    public int Vector { get; set; }

    /// <summary>The error code, if there was an exception.</summary>
    public uint ErrorCode { get; set; }

    /// <summary>CR2 after the exception; null where it was untouched.</summary>
    public ulong? Cr2 { get; set; }

    /// <summary>Which instruction faulted.</summary>
    public FaultingInstruction RipAt { get; set; }

    /// <summary>How many bytes of memory were different afterwards.</summary>
    public int BytesChanged { get; set; }
}
