using FastMmu.Memory;
using FastMmu.Snapshots;

namespace FastMmu;

/// <summary>A <see cref="Machine"/> at one moment. Made by <see cref="Machine.TakeSnapshot"/>.</summary>
/// <remarks>Snapshots may be disposed in any order; the others stay what they are.</remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// var machine = new Machine(memory, mmu);
/// memory.Write(0x1000, "clean"u8);
/// using Snapshot clean = machine.TakeSnapshot();
/// memory.Write(0x1000, "dirty"u8);
/// Console.WriteLine(machine.WrittenPages);                    // 1
/// machine.Restore(clean);
/// </code></example>
public sealed class Snapshot : IDisposable
{
    private readonly MemoryVersion _version;
    private readonly MemoryCopy? _copy;
    private bool _disposed;

    internal Snapshot(Machine machine, MemoryVersion version, ProcessorRegisters[] registers, MemoryCopy? copy)
    {
        _copy = copy;
        Machine = machine;
        _version = version;
        Registers = registers;
    }

    /// <summary>Whose it is.</summary>
    public Machine Machine { get; }

    /// <summary>Whether <see cref="Verify"/> can tell: whether it was taken so.</summary>
    public bool IsVerifiable => _copy is not null;

    /// <summary>What the memory was.</summary>
    internal MemoryVersion Version
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _version;
        }
    }

    /// <summary>What the registers were, processor by processor.</summary>
    internal ProcessorRegisters[] Registers { get; }

    /// <summary>
    /// Compares all bytes of the memory, as it is now, with a copy that was made with the snapshot: after a restore, the proof that nothing escaped.
    /// </summary>
    /// <param name="limit">How many differences are enough.</param>
    /// <returns>The first bytes that differ, by ascending address; empty if there are none.</returns>
    /// <remarks>
    /// Reads all of the memory. The copy knows nothing of logs and guards, so that it finds what those cannot see: a write through a
    /// <see cref="PhysicalMemory.Span"/>, or a host address, that was asked for before the snapshot and kept.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    /// <exception cref="InvalidOperationException">It was taken without a copy: nothing can be proved.</exception>
    /// <exception cref="ObjectDisposedException">The snapshot or the memory was disposed.</exception>
    /// <example><code>
    /// Span&lt;byte&gt; kept = memory.Span(0x5000, 16);
    /// using Snapshot sure = machine.TakeSnapshot(verifiable: true);
    /// memory.Write(0x2000, 1);
    /// machine.Restore(sure);
    /// Console.WriteLine(sure.Verify().Length);                    // 0
    /// kept[3] = 0xff;                                             // nobody sees it
    /// machine.Restore(sure);
    /// Console.WriteLine(sure.Verify()[0]);                        // 0x5003: ff instead of 00
    /// </code></example>
    public MemoryDifference[] Verify(int limit = 16)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _copy is not null
            ? _copy.Compare(limit)
            : throw new InvalidOperationException("The snapshot has no copy of the memory to compare with: take it as verifiable.");
    }

    /// <summary>Writes it to a file or another stream, whatever the machine is now: registers, map, and the pages that are not all zero, compressed.</summary>
    /// <param name="stream">Where to; not closed.</param>
    /// <remarks>Reads all of the memory. Every part has a checksum, and the beginning a version: <see cref="Machine.LoadSnapshot"/> takes nothing else.</remarks>
    /// <exception cref="ObjectDisposedException">The snapshot or the memory was disposed.</exception>
    /// <example><code>
    /// using var file = new System.IO.MemoryStream();
    /// clean.Save(file);
    /// Console.WriteLine(file.Length &lt; 4096);                      // True
    /// file.Position = 0;
    /// using Snapshot loaded = machine.LoadSnapshot(file);
    /// machine.Restore(loaded);
    /// Console.WriteLine((char)memory.Read&lt;byte&gt;(0x1000));         // c
    /// </code></example>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        SnapshotWriter.Write(stream, Machine.Memory, Version, Machine.Processors, Registers);
    }

    /// <summary>Forgets it. The machine stays as it is. When no snapshot is left, writes cost nothing more.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _copy?.Dispose();
        Machine.Memory.ReleaseVersion(_version);
    }
}
