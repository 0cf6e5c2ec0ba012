using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace FastMmu.Linux.Exec;

/// <summary>An ELF file as execve reads it: its header and its program header table.</summary>
/// <remarks>
/// Sums of the table's numbers wrap at the file's own width, as the kernel's do: 32 bits in a 32-bit file. Source: fs/binfmt_elf.c.
/// </remarks>
public sealed class ElfFile
{
    private const int MaximumTableBytes = 65536;

    private ElfFile(ElfHeader header, ElfSegment[] segments) => (Header, Segments) = (header, segments);

    /// <summary>The header.</summary>
    public ElfHeader Header { get; }

    /// <summary>The program header table.</summary>
    public IReadOnlyList<ElfSegment> Segments { get; }

    /// <summary>Reads the program header table that a header names (load_elf_phdrs).</summary>
    /// <param name="header">The header.</param>
    /// <param name="content">The whole file.</param>
    /// <param name="file">The file; null when false is returned.</param>
    /// <returns>False if entries have the wrong size, there are none or more than 64 KiB of them, or the file ends before they do.</returns>
    public static bool TryRead(in ElfHeader header, ReadOnlySpan<byte> content, [NotNullWhen(true)] out ElfFile? file)
    {
        file = null;
        int entry = header.Is32Bit ? ElfSegment.Bytes32 : ElfSegment.Bytes64;
        int bytes = entry * header.TableEntries;
        if (header.TableEntryBytes != entry || bytes is 0 or > MaximumTableBytes || !TrySlice(content, header.TableOffset, bytes, out ReadOnlySpan<byte> table))
        {
            return false;
        }

        var segments = new ElfSegment[header.TableEntries];
        for (int i = 0; i < segments.Length; i++)
        {
            ReadOnlySpan<byte> one = table.Slice(i * entry, entry);
            segments[i] = header.Is32Bit ? ElfSegment.Read32(one) : ElfSegment.Read64(one);
        }

        file = new ElfFile(header, segments);
        return true;
    }

    /// <summary>The bytes from the page of the lowest PT_LOAD to the end of the highest (total_mapping_size); 0 without one.</summary>
    public ulong TotalMappingBytes()
    {
        ulong lowest = ulong.MaxValue, highest = 0;
        bool any = false;
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type == ElfSegment.Load)
            {
                lowest = Math.Min(lowest, segment.Address & ~0xfffUL);
                highest = Math.Max(highest, Sum(segment.Address, segment.MemoryBytes));
                any = true;
            }
        }

        return any ? highest - lowest : 0;
    }

    /// <summary>The largest alignment of the PT_LOADs that is a power of two, rounded up to pages; 0 if none is (maximum_alignment).</summary>
    public ulong MaximumAlignment()
    {
        ulong alignment = 0;
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type == ElfSegment.Load && BitOperations.IsPow2(segment.Alignment))
            {
                alignment = Math.Max(alignment, segment.Alignment);
            }
        }

        return (alignment + 0xfff) & ~0xfffUL;
    }

    /// <summary>A sum or difference of the table's numbers, at the file's width.</summary>
    internal ulong Wrap(ulong value) => Header.Is32Bit ? (uint)value : value;

    /// <summary>A sum of two of the table's numbers, at the file's width.</summary>
    internal ulong Sum(ulong left, ulong right) => Wrap(left + right);

    /// <summary>A part of a file; false where the file ends before it does.</summary>
    internal static bool TrySlice(ReadOnlySpan<byte> content, ulong offset, int bytes, out ReadOnlySpan<byte> part)
    {
        bool inside = offset <= (ulong)content.Length && (ulong)content.Length - offset >= (ulong)bytes;
        part = inside ? content.Slice((int)offset, bytes) : default;
        return inside;
    }
}
