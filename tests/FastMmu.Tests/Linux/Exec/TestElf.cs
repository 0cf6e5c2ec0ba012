using System.Buffers.Binary;
using System.Text;
using FastMmu.Linux.Exec;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>ELF files made for a test: any header, any segments.</summary>
internal sealed record TestElf
{
    public bool Is32Bit { get; init; }

    public ushort Type { get; init; } = ElfHeader.Executable;

    public ulong Entry { get; init; } = 0x40_1000;

    public IReadOnlyList<ElfSegment> Segments { get; init; } = [Load(0x40_0000, 0x1000)];

    /// <summary>What the header says of its segments; their number if null.</summary>
    public ushort? SegmentCount { get; init; }

    /// <summary>The path in PT_INTERP, which is put in front of the segments.</summary>
    public string? Interpreter { get; init; }

    public int Length { get; init; } = 0x4000;

    public static ElfSegment Load(ulong address, ulong bytes, ulong offset = 0, uint flags = ElfSegment.Readable | ElfSegment.Executable, ulong? memory = null) =>
        new(ElfSegment.Load, flags, offset, address, bytes, memory ?? bytes, 4096);

    public byte[] ToBytes()
    {
        byte[] file = new byte[Length];
        List<ElfSegment> segments = [.. Segments];
        if (Interpreter is not null)
        {
            byte[] path = Encoding.UTF8.GetBytes(Interpreter + "\0");
            path.CopyTo(file, Length - path.Length);
            segments.Insert(0, new(ElfSegment.Interpreter, ElfSegment.Readable, (ulong)(Length - path.Length), 0, (ulong)path.Length, (ulong)path.Length, 1));
        }

        ReadOnlySpan<byte> magic = [0x7f, (byte)'E', (byte)'L', (byte)'F', Is32Bit ? (byte)1 : (byte)2, 1, 1];
        magic.CopyTo(file);
        Put(file, 16, 2, Type);
        Put(file, 18, 2, Is32Bit ? ElfHeader.Machine386 : ElfHeader.MachineX86_64);
        int word = Is32Bit ? 4 : 8, header = Is32Bit ? ElfHeader.Bytes32 : ElfHeader.Bytes64, entry = Is32Bit ? ElfSegment.Bytes32 : ElfSegment.Bytes64;
        Put(file, 24, word, Entry);
        Put(file, 24 + word, word, (ulong)header);
        Put(file, Is32Bit ? 42 : 54, 2, (ulong)entry);
        Put(file, Is32Bit ? 44 : 56, 2, SegmentCount ?? (ulong)segments.Count);
        for (int i = 0; i < segments.Count; i++)
        {
            int at = header + (i * entry);
            ElfSegment segment = segments[i];
            Put(file, at, 4, segment.Type);
            Put(file, at + (Is32Bit ? 24 : 4), 4, segment.Flags);
            ulong[] fields = [segment.Offset, segment.Address, 0, segment.FileBytes, segment.MemoryBytes];
            for (int f = 0; f < fields.Length; f++) Put(file, at + (Is32Bit ? 4 : 8) + (f * word), word, fields[f]);
            Put(file, at + (Is32Bit ? 28 : 48), word, segment.Alignment);
        }

        return file;
    }

    private static void Put(byte[] file, int at, int bytes, ulong value)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        word[..bytes].CopyTo(file.AsSpan(at));
    }
}
