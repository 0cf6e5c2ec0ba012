using FastMmu.Memory;

namespace FastMmu.Snapshots;

/// <summary>What a file of a snapshot says, complete and checked.</summary>
/// <param name="Map">The memory's map.</param>
/// <param name="Registers">Those of all processors.</param>
/// <param name="Pages">The addresses of the pages that are not all zero.</param>
/// <param name="Bytes">Their bytes, in the same order.</param>
internal sealed record SnapshotContents(MemoryMap Map, ProcessorRegisters[] Registers, List<ulong> Pages, List<byte[]> Bytes);
