using System.Buffers.Binary;

namespace FastMmu.Linux.Exec;

/// <summary>What execve reads of an ELF header (Elf32_Ehdr, Elf64_Ehdr); byte order, version and header size it never looks at.</summary>
/// <remarks>
/// <code>
///          type  machine  entry  phoff  phentsize  phnum   bytes
/// 32-bit    16     18       24     28      42        44      52
/// 64-bit    16     18       24     32      54        56      64
/// </code>
/// Which of the two it is, the machine decides and not EI_CLASS. Source: ELF specification, "ELF Header"; fs/binfmt_elf.c.
/// </remarks>
/// <param name="Is32Bit">Whether it was read as a 32-bit header.</param>
/// <param name="Type">The kind of file (e_type).</param>
/// <param name="Machine">The processor (e_machine).</param>
/// <param name="Entry">The first instruction's address.</param>
/// <param name="TableOffset">Where the program header table lies in the file.</param>
/// <param name="TableEntryBytes">Bytes of one of its entries.</param>
/// <param name="TableEntries">Its entries.</param>
public readonly record struct ElfHeader(
    bool Is32Bit, ushort Type, ushort Machine, ulong Entry, ulong TableOffset, ushort TableEntryBytes, ushort TableEntries)
{
    /// <summary>ET_EXEC: a program with fixed addresses.</summary>
    public const ushort Executable = 2;

    /// <summary>ET_DYN: a program or library that may lie anywhere.</summary>
    public const ushort Dynamic = 3;

    /// <summary>EM_386.</summary>
    public const ushort Machine386 = 3;

    /// <summary>EM_486, which the kernel takes for the same.</summary>
    public const ushort Machine486 = 6;

    /// <summary>EM_X86_64.</summary>
    public const ushort MachineX86_64 = 62;

    /// <summary>Bytes of a 64-bit header.</summary>
    public const int Bytes64 = 64;

    /// <summary>Bytes of a 32-bit header.</summary>
    public const int Bytes32 = 52;

    /// <summary>Whether a file begins with the four bytes of every ELF file.</summary>
    /// <param name="start">The beginning of the file.</param>
    public static bool HasMagic(ReadOnlySpan<byte> start) => start.StartsWith("\u007fELF"u8);

    /// <summary>Whether the kernel may run a file of this kind and processor (e_type and elf_check_arch).</summary>
    /// <param name="is32Bit">Whether 32-bit programs are looked for.</param>
    public bool IsRunnable(bool is32Bit) => Type is Executable or Dynamic && IsFor(is32Bit);

    /// <summary>Whether it names a processor that the kernel runs (elf_check_arch).</summary>
    /// <param name="is32Bit">Whether 32-bit programs are looked for.</param>
    public bool IsFor(bool is32Bit) => is32Bit ? Machine is Machine386 or Machine486 : Machine == MachineX86_64;

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">At least <see cref="Bytes32"/> or <see cref="Bytes64"/> bytes.</param>
    /// <param name="is32Bit">Which of the two it is.</param>
    public static ElfHeader Read(ReadOnlySpan<byte> bytes, bool is32Bit)
    {
        ushort type = Half(bytes, 16), machine = Half(bytes, 18);
        return is32Bit
            ? new(true, type, machine, BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[28..]), Half(bytes, 42), Half(bytes, 44))
            : new(false, type, machine, BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]), Half(bytes, 54), Half(bytes, 56));
    }

    private static ushort Half(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
}
