using System.Text;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Tests.Generators;

/// <summary>What is tried on a hostile machine.</summary>
internal enum HostileVerb
{
    Translate,
    Probe,
    Batch,
    Read,
    Write,
    ReadValue,
    WriteValue,
    Fetch,
    LogicalRead,
    LogicalWrite,
    Invalidate,
    WriteRegister,
    LoadDescriptorTables,
    LoadSegment,
    FarTransfer,
    View,
}

/// <summary>One operation with whatever operands come to hand.</summary>
internal readonly record struct HostileStep(HostileVerb Verb, ulong First, ulong Second, int Length, Access Kind, Privilege Privilege)
{
    public override string ToString() => $"{Verb}(0x{First:x}, 0x{Second:x}, {Length}, {Kind}, {Privilege})";
}

/// <summary>
/// A machine whose memory is noise that looks like page tables and descriptors, in ranges of odd sizes with holes between them, up to the end of
/// physical memory.
/// </summary>
/// <param name="Ranges">RAM and ROM.</param>
/// <param name="Noise">What the noise is made from.</param>
/// <param name="State">Registers.</param>
/// <param name="Choice">Caches.</param>
/// <param name="Steps">What is done.</param>
internal sealed record HostileMachine(
    IReadOnlyList<MemoryRange> Ranges, ulong Noise, PagingState State, MmuChoice Choice, IReadOnlyList<HostileStep> Steps)
{
    /// <summary>The bytes of a range.</summary>
    public byte[] Contents(int range)
    {
        var random = new EdgeRandom(Noise + (ulong)range);
        var bytes = new byte[Ranges[range].Length];
        for (int at = 0; at < bytes.Length; at += 8) System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), Word(random));
        return bytes;
    }

    public override string ToString()
    {
        var text = new StringBuilder().AppendLine($"{string.Join(", ", Ranges)}; noise {Noise}").AppendLine($"{Choice}").AppendLine(RegisterChoice.Describe(State));
        Listing.Append(text, Steps);
        return text.ToString();
    }

    private ulong Word(EdgeRandom random)
    {
        const ulong present = 1UL << 47, segment = 1UL << 44;
        MemoryRange range = random.Among(Ranges);
        ulong frame = range.Start.Value + (random.Next64() % range.Length & ~0xfffUL);
        return random.Below(8) switch
        {
            0 => 0,
            1 => random.Word(),
            // A descriptor, often of flat code or data.
            2 => random.Next64() | present | segment,
            3 => 0x00cf_9000_0000_ffff | (random.Next64() & (0x7fUL << 40)) | (random.Next64() & (3UL << 53)),
            // Two entries of four bytes.
            4 => ((frame | (random.Next64() & 0xfff) | 7) & 0xffff_ffff) * 0x1_0000_0001,
            // A legal entry, and one that need not be.
            5 or 6 => frame | 0x27 | (random.Next64() & 0x140),
            _ => frame | 1 | (random.Next64() & 0x8000_0000_0000_0fff),
        };
    }
}
