using FastMmu.Memory;
using FastMmu.Tests.Generators;

namespace FastMmu.Tests.Properties;

/// <summary>The same contents twice: in the engine's memory, and in the plain one that the reference model walks.</summary>
internal sealed class TwinMemory : IDisposable
{
    public TwinMemory(IReadOnlyList<MemoryRange> ranges)
    {
        Guest = new PhysicalMemory(ranges, hugePages: false);
        Plain = new PlainMemory(ranges);
    }

    public PhysicalMemory Guest { get; }

    public PlainMemory Plain { get; }

    /// <summary>Clears both, and writes these words into both.</summary>
    public void Load(IReadOnlyList<TableWord> words)
    {
        for (int i = 0; i < Plain.Ranges.Count; i++)
        {
            // What is equal needs no clearing twice; a page that was never written stays uncommitted.
            Span<byte> plain = Plain.Contents(i);
            Span<byte> guest = Guest.Span(Plain.Ranges[i].Start, plain.Length);
            for (int at = 0; at < plain.Length; at += 4096)
            {
                if (plain.Slice(at, 4096).ContainsAnyExcept((byte)0)) plain.Slice(at, 4096).Clear();
                if (guest.Slice(at, 4096).ContainsAnyExcept((byte)0)) guest.Slice(at, 4096).Clear();
            }
        }

        foreach (TableWord word in words)
        {
            Plain.Load(word.Address, word.Value, word.Bytes);
            if (!Guest.TryGetSpan(word.Address, word.Bytes, out Span<byte> bytes)) continue;
            for (int i = 0; i < word.Bytes; i++) bytes[i] = (byte)(word.Value >> (8 * i));
        }
    }

    /// <summary>The first byte that differs, in words; null if all are equal.</summary>
    public string? Difference()
    {
        for (int i = 0; i < Plain.Ranges.Count; i++)
        {
            ReadOnlySpan<byte> plain = Plain.Contents(i);
            ReadOnlySpan<byte> guest = Guest.Span(Plain.Ranges[i].Start, plain.Length);
            int at = plain.CommonPrefixLength(guest);
            if (at == plain.Length) continue;
            ulong word = (Plain.Ranges[i].Start.Value + (ulong)at) & ~7UL;
            return $"memory at 0x{word:x} is 0x{Guest.Read<ulong>(word):x}, not 0x{Plain.ReadPhysical(word, 8):x}";
        }

        return null;
    }

    public void Dispose() => Guest.Dispose();
}
