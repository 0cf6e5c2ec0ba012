using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Tests.Generators;

namespace FastMmu.Tests.Properties;

/// <summary>
/// Memory that says where it was read: each half of each word of data holds the word's own number, so that what a program reads is the
/// physical address that it reached.
/// </summary>
internal sealed class NumberedMemory : IDisposable
{
    private const uint Mark = 0x4000_0000;

    private readonly ulong[][] _numbers;

    public NumberedMemory()
    {
        Guest = new PhysicalMemory(TlbProgramGenerator.Layout, hugePages: false);
        _numbers = [.. Guest.Ranges.Select(Numbers)];
    }

    public PhysicalMemory Guest { get; }

    /// <summary>Numbers all data anew, clears the tables, and writes these words.</summary>
    public void Load(IReadOnlyList<TableWord> words)
    {
        for (int i = 0; i < _numbers.Length; i++)
        {
            Span<ulong> words64 = Words(i);
            const int page = 512;
            for (int at = 0; at < words64.Length; at += page)
            {
                ReadOnlySpan<ulong> numbers = _numbers[i].AsSpan(at, page);
                if (!numbers.SequenceEqual(words64.Slice(at, page))) numbers.CopyTo(words64.Slice(at, page));
            }
        }

        foreach (TableWord word in words) Poke(word);
    }

    public void Poke(TableWord word)
    {
        if (word.Bytes == 4) Guest.Write(word.Address, (uint)word.Value);
        else Guest.Write(word.Address, word.Value);
    }

    /// <summary>The physical address that bytes came from, or null if they are no whole half of a word of data.</summary>
    /// <param name="bytes">Four bytes or more.</param>
    /// <param name="offset">Offset of the first of them in its page, a multiple of 4.</param>
    public static ulong? WhereFrom(ReadOnlySpan<byte> bytes, int offset)
    {
        uint half = MemoryMarshal.Read<uint>(bytes);
        ulong word = (ulong)(half & ~Mark) << 3;
        bool numbered = (half & 0xc000_0000) == Mark && ((word ^ (ulong)offset) & 0xff8) == 0;
        return numbered ? word | ((ulong)offset & 7) : null;
    }

    /// <summary>The bytes at an offset of every page, one page after the other.</summary>
    public byte[] Column(int offset, int length)
    {
        List<byte> column = [];
        foreach (MemoryRange range in Guest.Ranges)
        {
            Span<byte> contents = Guest.Span(range.Start, (int)range.Length);
            for (int page = 0; page < contents.Length; page += 4096) column.AddRange(contents.Slice(page + offset, length));
        }

        return [.. column];
    }

    /// <summary>
    /// Finds the page that holds bytes at an offset, and puts back what its column had; null if no page does, because ROM or nothing took them.
    /// </summary>
    public ulong? TakeBack(ReadOnlySpan<byte> bytes, int offset, ReadOnlySpan<byte> column)
    {
        int number = 0;
        foreach (MemoryRange range in Guest.Ranges)
        {
            Span<byte> contents = Guest.Span(range.Start, (int)range.Length);
            for (int page = 0; page < contents.Length; page += 4096, number++)
            {
                Span<byte> found = contents.Slice(page + offset, bytes.Length);
                if (!found.SequenceEqual(bytes)) continue;
                column.Slice(number * bytes.Length, bytes.Length).CopyTo(found);
                return range.Start.Value + (ulong)(page + offset);
            }
        }

        return null;
    }

    public void Dispose() => Guest.Dispose();

    private Span<ulong> Words(int range) =>
        MemoryMarshal.Cast<byte, ulong>(Guest.Span(Guest.Ranges[range].Start, (int)Guest.Ranges[range].Length));

    private static ulong[] Numbers(MemoryRange range)
    {
        ulong[] numbers = new ulong[range.Length / 8];
        for (int i = 0; i < numbers.Length; i++)
        {
            ulong address = range.Start.Value + (8 * (ulong)i);
            uint half = Mark | (uint)(address >> 3);
            // Tables are cleared, and ROM is empty: as a table it would lose accessed bits.
            if (address >= TlbProgramGenerator.FirstData && range.Kind == MemoryKind.Ram) numbers[i] = half | ((ulong)half << 32);
        }

        return numbers;
    }
}
