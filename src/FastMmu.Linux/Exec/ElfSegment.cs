using System.Buffers.Binary;

namespace FastMmu.Linux.Exec;

/// <summary>One entry of an ELF file's program header table (Elf32_Phdr, Elf64_Phdr), its numbers widened to 64 bits.</summary>
/// <remarks>
/// <code>
///          type  flags  offset  vaddr  paddr  filesz  memsz  align   bytes
/// 32-bit     0    24      4       8     12     16      20     28      32
/// 64-bit     0     4      8      16     24     32      40     48      56
/// </code>
/// Source: ELF specification, "Program Header".
/// </remarks>
/// <param name="Type">What the segment is (p_type).</param>
/// <param name="Flags">Its rights (p_flags).</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Address">The address that it wants.</param>
/// <param name="FileBytes">Bytes that come from the file.</param>
/// <param name="MemoryBytes">Bytes that it has in memory.</param>
/// <param name="Alignment">What offset and address should be congruent by.</param>
public readonly record struct ElfSegment(
    uint Type, uint Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes, ulong Alignment)
{
    /// <summary>PT_LOAD: a part of the file to map.</summary>
    public const uint Load = 1;

    /// <summary>PT_INTERP: the path of the program's interpreter.</summary>
    public const uint Interpreter = 3;

    /// <summary>PT_GNU_STACK: whether the stack is executable.</summary>
    public const uint GnuStack = 0x6474_e551;

    /// <summary>PF_X.</summary>
    public const uint Executable = 1;

    /// <summary>PF_W.</summary>
    public const uint Writable = 2;

    /// <summary>PF_R.</summary>
    public const uint Readable = 4;

    /// <summary>Bytes of an entry in a 64-bit file.</summary>
    public const int Bytes64 = 56;

    /// <summary>Bytes of an entry in a 32-bit file.</summary>
    public const int Bytes32 = 32;

    internal static ElfSegment Read64(ReadOnlySpan<byte> entry) => new(
        Word(entry, 0), Word(entry, 4), Wide(entry, 8), Wide(entry, 16), Wide(entry, 32), Wide(entry, 40), Wide(entry, 48));

    internal static ElfSegment Read32(ReadOnlySpan<byte> entry) => new(
        Word(entry, 0), Word(entry, 24), Word(entry, 4), Word(entry, 8), Word(entry, 16), Word(entry, 20), Word(entry, 28));

    private static uint Word(ReadOnlySpan<byte> entry, int at) => BinaryPrimitives.ReadUInt32LittleEndian(entry[at..]);

    private static ulong Wide(ReadOnlySpan<byte> entry, int at) => BinaryPrimitives.ReadUInt64LittleEndian(entry[at..]);
}
