using FastMmu.Memory;

namespace FastMmu.Snapshots;

/// <summary>The bytes that a memory had in one of its versions, whatever it holds now.</summary>
internal sealed class VersionBytes
{
    private readonly PhysicalMemory _memory;
    private readonly Dictionary<ulong, uint> _differences;

    internal VersionBytes(PhysicalMemory memory, MemoryVersion version)
    {
        _memory = memory;
        _differences = memory.DifferencesOf(version);
    }

    /// <summary>A page's bytes, until the memory or its versions change.</summary>
    /// <param name="page">Its address.</param>
    internal ReadOnlySpan<byte> this[ulong page] => _differences.TryGetValue(_memory.NumberOf(page), out uint slot)
        ? _memory.KeptBytes(slot)
        : _memory.BackingOf(page, SnapshotFormat.PageBytes);
}
