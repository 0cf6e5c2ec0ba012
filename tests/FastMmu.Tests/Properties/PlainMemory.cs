using System.Buffers.Binary;
using FastMmu.Memory;
using FastMmu.Reference;

namespace FastMmu.Tests.Properties;

/// <summary>Physical memory as plainly as it can be had: arrays, a list of ranges, nothing shared with the engine.</summary>
internal sealed class PlainMemory(IReadOnlyList<MemoryRange> ranges) : IReferenceMemory
{
    private readonly byte[][] _bytes = [.. ranges.Select(range => new byte[range.Length])];

    public IReadOnlyList<MemoryRange> Ranges => ranges;

    /// <summary>Whole ranges as they are now, in the order of <see cref="Ranges"/>.</summary>
    public byte[] Contents(int range) => _bytes[range];

    public byte ReadByte(ulong address) => Find(address, out byte[] bytes, out int at, out _) ? bytes[at] : (byte)0xff;

    public void WriteByte(ulong address, byte value)
    {
        if (Find(address, out byte[] bytes, out int at, out MemoryKind kind) && kind == MemoryKind.Ram) bytes[at] = value;
    }

    /// <summary>Writes as whoever builds the machine: ROM takes it too.</summary>
    public void Load(ulong address, ulong value, int count)
    {
        if (!Find(address, out byte[] bytes, out int at, out _)) return;
        if (count == 4) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), (uint)value);
        else BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);
    }

    public ulong ReadPhysical(ulong address, int bytes)
    {
        if (!Find(address, out byte[] found, out int at, out _)) return bytes == 4 ? uint.MaxValue : ulong.MaxValue;
        return bytes == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(found.AsSpan(at)) : BinaryPrimitives.ReadUInt64LittleEndian(found.AsSpan(at));
    }

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        if (!Find(address, out _, out _, out MemoryKind kind) || kind != MemoryKind.Ram) return;
        Load(address, value, bytes);
    }

    private bool Find(ulong address, out byte[] bytes, out int at, out MemoryKind kind)
    {
        for (int i = 0; i < ranges.Count; i++)
        {
            if (address < ranges[i].Start.Value || address >= ranges[i].End) continue;
            bytes = _bytes[i];
            at = (int)(address - ranges[i].Start.Value);
            kind = ranges[i].Kind;
            return true;
        }

        (bytes, at, kind) = ([], 0, MemoryKind.Hole);
        return false;
    }
}
