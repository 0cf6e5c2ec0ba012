namespace FastMmu.Cli.Images;

/// <summary>A stretch of guest-physical memory and where its bytes stand in the (unpacked) memory file.</summary>
/// <param name="Start">Guest-physical address of the first byte.</param>
/// <param name="Length">Bytes; not 0.</param>
/// <param name="Offset">Offset of the first byte in the file.</param>
internal readonly record struct MemorySegment(ulong Start, ulong Length, ulong Offset)
{
    /// <summary>The address behind the last byte.</summary>
    public ulong End => Start + Length;

    /// <summary>The file offset behind the last byte.</summary>
    public ulong OffsetEnd => Offset + Length;
}
