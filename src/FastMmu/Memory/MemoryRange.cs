using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>What stands behind a range of physical addresses.</summary>
public enum MemoryKind : byte
{
    /// <summary>Nothing: reads answer all ones, writes are dropped.</summary>
    Hole = 0,

    /// <summary>Memory that can be read and written.</summary>
    Ram = 1,

    /// <summary>Memory that the guest can read; its writes are dropped. The embedder fills it through <see cref="PhysicalMemory.LoadRom"/>.</summary>
    Rom = 2,

    /// <summary>A device answers: <see cref="PhysicalMemory.MapDevice"/>. No range of a memory is created as one.</summary>
    Device = 3,
}

/// <summary>A range of physical addresses that is backed by memory. Start and length are multiples of 4 KiB.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Kind"><see cref="MemoryKind.Ram"/> or <see cref="MemoryKind.Rom"/>.</param>
public readonly record struct MemoryRange(PhysicalAddress Start, ulong Length, MemoryKind Kind = MemoryKind.Ram)
{
    /// <summary>The address behind the last one, as a number: it may be 2^52.</summary>
    public ulong End => Start.Value + Length;

    /// <summary><c>100000-c0000000 Ram</c></summary>
    public override string ToString() => $"{Start.Value:x}-{End:x} {Kind}";
}
