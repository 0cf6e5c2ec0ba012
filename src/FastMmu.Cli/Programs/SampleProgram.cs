using System.Buffers.Binary;

namespace FastMmu.Cli.Programs;

/// <summary>A small ELF program, for machines that have none: code that exits with 0, four pages of data, a heap's worth of zeros behind them.</summary>
/// <remarks>
/// <code>
/// file    0  ELF header, four program headers
///      1000  code:  xor edi, edi; mov eax, 60; syscall          at 401000, r-x
///      2000  data:  its own page numbers                        at 402000, rw-, 16 KiB of the file and 1 MiB in memory
/// </code>
/// </remarks>
internal static class SampleProgram
{
    /// <summary>The path it is known by.</summary>
    public const string Path = "/sample";

    private const int HeaderBytes = 64;
    private const int SegmentBytes = 56;
    private const int DataPages = 4;
    private const uint Load = 1, GnuStack = 0x6474_e551;
    private const uint Execute = 1, Write = 2, Read = 4;

    /// <summary>The file.</summary>
    public static byte[] Create()
    {
        byte[] file = new byte[(2 + DataPages) << 12];
        (uint Type, uint Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes)[] segments =
        [
            (Load, Read, 0, 0x40_0000, HeaderBytes + (4 * SegmentBytes), HeaderBytes + (4 * SegmentBytes)),
            (Load, Read | Execute, 0x1000, 0x40_1000, 0x1000, 0x1000),
            (Load, Read | Write, 0x2000, 0x40_2000, DataPages << 12, 1 << 20),
            (GnuStack, Read | Write, 0, 0, 0, 0),
        ];
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file);
        Half(file, 16, 2);
        Half(file, 18, 62);
        Half(file, 20, 1);
        Wide(file, 24, 0x40_1000);
        Wide(file, 32, HeaderBytes);
        Half(file, 52, HeaderBytes);
        Half(file, 54, SegmentBytes);
        Half(file, 56, (ushort)segments.Length);
        for (int i = 0; i < segments.Length; i++)
        {
            int at = HeaderBytes + (i * SegmentBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), segments[i].Type);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 4), segments[i].Flags);
            Wide(file, at + 8, segments[i].Offset);
            Wide(file, at + 16, segments[i].Address);
            Wide(file, at + 24, segments[i].Address);
            Wide(file, at + 32, segments[i].FileBytes);
            Wide(file, at + 40, segments[i].MemoryBytes);
            Wide(file, at + 48, 0x1000);
        }

        ReadOnlySpan<byte> code = [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
        code.CopyTo(file.AsSpan(0x1000));
        for (int page = 0; page < DataPages; page++) Wide(file, 0x2000 + (page << 12), (ulong)page + 1);
        return file;
    }

    private static void Half(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private static void Wide(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
