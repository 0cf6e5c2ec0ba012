using System.Buffers.Binary;

namespace FastMmu.Segmentation;

/// <summary>One entry of a descriptor table in memory, of eight or sixteen bytes.</summary>
/// <param name="Index">Index in the table.</param>
/// <param name="Low">The first eight bytes.</param>
/// <param name="High">The second eight bytes of a system descriptor or gate in long mode, else null.</param>
public readonly record struct DescriptorTableEntry(int Index, ulong Low, ulong? High)
{
    private const int SlotSize = 8;

    /// <summary>Everything but base and limit.</summary>
    public SegmentAttributes Attributes => new SegmentDescriptor(Low).Attributes;

    /// <summary>Linear address of the segment's first byte; without meaning for a gate.</summary>
    public ulong Base => new SegmentDescriptor(Low).Base | ((High ?? 0) << 32);

    /// <summary>Limit in bytes; without meaning for a gate.</summary>
    public uint Limit => new SegmentDescriptor(Low).Limit;

    /// <summary>Whether there is nothing but zeros.</summary>
    public bool IsEmpty => Low == 0 && High is null or 0;

    /// <summary>Takes a table apart.</summary>
    /// <param name="table">The bytes of a GDT or LDT, from its first entry on; a last incomplete entry is left out.</param>
    /// <param name="longMode">Whether system descriptors and gates have sixteen bytes.</param>
    /// <returns>The entries that are not empty, in order.</returns>
    /// <example><code>
    /// byte[] table = new byte[LinuxGdt.Amd64.SizeInBytes];
    /// LinuxGdt.Amd64.Write(table);
    /// DescriptorTableEntry code = DescriptorTableEntry.Decode(table, longMode: true).First(e =&gt; e.Index == 2);
    /// Console.WriteLine($"{code.Low:x16}, DPL {code.Attributes.Dpl}");        // 00af9b000000ffff, DPL 0
    /// </code></example>
    public static IReadOnlyList<DescriptorTableEntry> Decode(ReadOnlySpan<byte> table, bool longMode)
    {
        var entries = new List<DescriptorTableEntry>();
        for (int i = 0; (i + 1) * SlotSize <= table.Length; i++)
        {
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(table[(i * SlotSize)..]);
            if (low == 0) continue;
            bool wide = longMode && !new SegmentDescriptor(low).Attributes.S && (i + 2) * SlotSize <= table.Length;
            entries.Add(new(i, low, wide ? BinaryPrimitives.ReadUInt64LittleEndian(table[((i + 1) * SlotSize)..]) : null));
            if (wide) i++;
        }

        return entries;
    }

    /// <summary>Whether this is a call, interrupt, trap or task gate.</summary>
    public bool IsGate => !Attributes.S && (Attributes.Value & 4) != 0;

    /// <summary>The entry as <c>5: data RW accessed DPL 3, base 0x0, limit 0xffffffff</c>, or <c>7: CallGate DPL 3 to 0x10:0x1234</c>.</summary>
    public override string ToString()
    {
        if (!IsGate) return $"{Index}: {Attributes}, base 0x{Base:x}, limit 0x{Limit:x}";
        var gate = new CallGate(Low, High ?? 0);
        return $"{Index}: {gate.Attributes} to 0x{gate.Target.Value:x}:0x{gate.Offset:x}";
    }
}
