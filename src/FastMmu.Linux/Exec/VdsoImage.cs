using System.Buffers.Binary;

namespace FastMmu.Linux.Exec;

/// <summary>The code that the kernel maps into every process: an ELF library of a few pages.</summary>
public sealed class VdsoImage
{
    private const int DynamicSymbols = 11;

    /// <summary>Makes an image of the bytes of a real one.</summary>
    /// <param name="content">The library; the last page is filled with zeros.</param>
    /// <param name="is32Bit">Whether it is for 32-bit programs.</param>
    public VdsoImage(ReadOnlyMemory<byte> content, bool is32Bit = false)
    {
        ArgumentOutOfRangeException.ThrowIfZero(content.Length);
        Content = content;
        Bytes = ((ulong)content.Length + 0xfff) & ~0xfffUL;
        EntryOffset = is32Bit ? FindEntry(content.Span) : 0;
    }

    /// <summary>An image of zeros.</summary>
    /// <param name="pages">Its pages of 4 KiB.</param>
    /// <param name="entryOffset">What <see cref="EntryOffset"/> shall be.</param>
    public VdsoImage(int pages, ulong entryOffset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pages);
        Content = ReadOnlyMemory<byte>.Empty;
        Bytes = (ulong)pages << 12;
        EntryOffset = entryOffset;
    }

    /// <summary>The library; empty for an image of zeros.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>Bytes that it has in memory, whole pages.</summary>
    public ulong Bytes { get; }

    /// <summary>Where <c>__kernel_vsyscall</c> lies in a 32-bit image, which AT_SYSINFO names; 0 if it is not there.</summary>
    public ulong EntryOffset { get; }

    // Elf32_Shdr: type 4, addr 12, offset 16, size 20, link 24, 40 bytes. Elf32_Sym: name 0, value 4, 16 bytes.
    private static ulong FindEntry(ReadOnlySpan<byte> image)
    {
        if (!ElfHeader.HasMagic(image) || image.Length < ElfHeader.Bytes32)
        {
            return 0;
        }

        uint table = BinaryPrimitives.ReadUInt32LittleEndian(image[32..]);
        ushort count = BinaryPrimitives.ReadUInt16LittleEndian(image[48..]);
        for (ulong i = 0; i < count; i++)
        {
            if (ElfFile.TrySlice(image, table + (i * 40), 40, out ReadOnlySpan<byte> section)
                && BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) == DynamicSymbols
                && TryPart(image, section, out ReadOnlySpan<byte> symbols)
                && ElfFile.TrySlice(image, table + (BinaryPrimitives.ReadUInt32LittleEndian(section[24..]) * 40UL), 40, out ReadOnlySpan<byte> link)
                && TryPart(image, link, out ReadOnlySpan<byte> names))
            {
                return FindEntry(symbols, names);
            }
        }

        return 0;
    }

    private static ulong FindEntry(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> names)
    {
        for (; symbols.Length >= 16; symbols = symbols[16..])
        {
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(symbols);
            if (name < names.Length && names[(int)name..].StartsWith("__kernel_vsyscall\0"u8))
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(symbols[4..]);
            }
        }

        return 0;
    }

    private static bool TryPart(ReadOnlySpan<byte> image, ReadOnlySpan<byte> section, out ReadOnlySpan<byte> part)
    {
        part = default;
        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(section[20..]);
        return bytes <= (uint)image.Length && ElfFile.TrySlice(image, BinaryPrimitives.ReadUInt32LittleEndian(section[16..]), (int)bytes, out part);
    }
}
