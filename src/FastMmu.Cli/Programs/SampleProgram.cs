using System.Buffers.Binary;
using FastMmu.Linux.Exec;

namespace FastMmu.Cli.Programs;

/// <summary>A small ELF program, for machines that have none: code that exits with 0, four pages of data, a heap's worth of zeros behind them.</summary>
/// <remarks>
/// <code>
/// file    0  ELF header, four program headers
///      1000  code:  xor edi, edi; mov eax, 60; syscall          at 401000, r-x
///                   or xor ebx, ebx; mov eax, 1; int 80h
///      2000  data:  its own page numbers                        at 402000, rw-, 16 KiB of the file and 1 MiB in memory
/// </code>
/// </remarks>
internal static class SampleProgram
{
    /// <summary>The path it is known by.</summary>
    public const string Path = "/sample";

    private const int DataPages = 4;

    /// <summary>The file.</summary>
    /// <param name="is32Bit">A 32-bit program, which leaves by int 80h.</param>
    public static byte[] Create(bool is32Bit = false)
    {
        byte[] file = new byte[(2 + DataPages) << 12];
        int header = is32Bit ? ElfHeader.Bytes32 : ElfHeader.Bytes64, segmentBytes = is32Bit ? ElfSegment.Bytes32 : ElfSegment.Bytes64;
        const uint read = ElfSegment.Readable, write = ElfSegment.Writable, execute = ElfSegment.Executable;
        ulong headers = (ulong)(header + (4 * segmentBytes));
        ElfSegment[] segments =
        [
            new(ElfSegment.Load, read, 0, 0x40_0000, headers, headers, 0x1000),
            new(ElfSegment.Load, read | execute, 0x1000, 0x40_1000, 0x1000, 0x1000, 0x1000),
            new(ElfSegment.Load, read | write, 0x2000, 0x40_2000, DataPages << 12, 1 << 20, 0x1000),
            new(ElfSegment.GnuStack, read | write, 0, 0, 0, 0, 16),
        ];
        int word = is32Bit ? 4 : 8;
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', is32Bit ? (byte)1 : (byte)2, 1, 1];
        identity.CopyTo(file);
        Put(file, 16, 2, ElfHeader.Executable);
        Put(file, 18, 2, is32Bit ? ElfHeader.Machine386 : ElfHeader.MachineX86_64);
        Put(file, 20, 4, 1);
        Put(file, 24, word, 0x40_1000);
        Put(file, 24 + word, word, (ulong)header);
        Put(file, header - 12, 2, (ulong)header);
        Put(file, header - 10, 2, (ulong)segmentBytes);
        Put(file, header - 8, 2, (ulong)segments.Length);
        for (int i = 0; i < segments.Length; i++)
        {
            int at = header + (i * segmentBytes);
            ElfSegment segment = segments[i];
            Put(file, at, 4, segment.Type);
            Put(file, at + (is32Bit ? 24 : 4), 4, segment.Flags);
            ulong[] fields = [segment.Offset, segment.Address, segment.Address, segment.FileBytes, segment.MemoryBytes];
            for (int f = 0; f < fields.Length; f++) Put(file, at + (is32Bit ? 4 : 8) + (f * word), word, fields[f]);
            Put(file, at + (is32Bit ? 28 : 48), word, segment.Alignment);
        }

        ReadOnlySpan<byte> code = is32Bit ? [0x31, 0xdb, 0xb8, 1, 0, 0, 0, 0xcd, 0x80] : [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
        code.CopyTo(file.AsSpan(0x1000));
        for (int page = 0; page < DataPages; page++) Put(file, 0x2000 + (page << 12), 8, (ulong)page + 1);
        return file;
    }

    private static void Put(byte[] file, int at, int bytes, ulong value)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        number[..bytes].CopyTo(file.AsSpan(at));
    }
}
