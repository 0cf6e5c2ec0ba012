using FastMmu.Memory;
using FastMmu.Snapshots;

namespace FastMmu;

/// <summary>A memory and the virtual CPUs that run over it, to be kept as they are at one moment and brought back to it.</summary>
/// <remarks>
/// <para>All virtual CPUs must be parked, between two instructions of their guests, while a snapshot is taken, restored or disposed.</para>
/// <para>What belongs to neither memory nor <see cref="Mmu"/> is not in a snapshot: the general registers of the emulator, the state inside devices,
/// and what an allocator of frames keeps on its own side. An embedder restores those at the same moment.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// var machine = new Machine(memory, mmu);
/// Console.WriteLine(machine.Processors.Count);                // 1
/// </code></example>
public sealed class Machine
{
    private readonly Mmu[] _processors;

    /// <summary>A machine of a memory and its virtual CPUs.</summary>
    /// <param name="memory">Guest memory; not owned.</param>
    /// <param name="processors">All MMUs over it; not owned. None, if nobody translates.</param>
    /// <exception cref="ArgumentException">An MMU is over another memory.</exception>
    public Machine(PhysicalMemory memory, params Mmu[] processors)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(processors);
        foreach (Mmu processor in processors)
        {
            if (processor.Memory != memory) throw new ArgumentException("An MMU is over another memory.", nameof(processors));
        }

        Memory = memory;
        _processors = [.. processors];
    }

    /// <summary>Guest memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The virtual CPUs.</summary>
    public IReadOnlyList<Mmu> Processors => _processors;

    /// <summary>How many pages of 4 KiB were written since a snapshot of this memory was last taken or restored: what the next <see cref="Restore"/> of it costs.</summary>
    public int WrittenPages => Memory.WrittenSinceVersion;

    /// <summary>Keeps the machine as it is: bytes and map of the memory, and all registers.</summary>
    /// <param name="verifiable">Whether to copy all of the memory, too, so that <see cref="Snapshot.Verify"/> can prove what a restore has brought back.</param>
    /// <returns>The snapshot; it costs memory for each page that is written from now on, until it is disposed.</returns>
    /// <remarks>
    /// Costs the pages written since the snapshot before, and for the first one a byte of notes for each page of memory. The first write of a page after
    /// it costs a copy of the page, the next ones nothing. A <see cref="PhysicalMemory.Span"/> that was asked for before is no longer to be used
    /// for writing. A verifiable one reads all of the memory and keeps every page that is not zero.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x1000, 1);
    /// using Snapshot clean = machine.TakeSnapshot();
    /// memory.Write(0x1000, 2);
    /// memory.Write(0x2000, 3);
    /// Console.WriteLine(machine.WrittenPages);                    // 2
    /// machine.Restore(clean);
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x1000));                // 1
    /// </code></example>
    public Snapshot TakeSnapshot(bool verifiable = false)
    {
        MemoryVersion version = Memory.TakeVersion();
        return new Snapshot(this, version, Array.ConvertAll(_processors, p => p.CaptureRegisters()), verifiable ? new MemoryCopy(Memory) : null);
    }

    /// <summary>
    /// Has the host give memory for copies of pages now, instead of in the middle of a guest's write: for who wants the first writes under a
    /// snapshot to cost all the same.
    /// </summary>
    /// <param name="pages">Copies of 4 KiB each that all snapshots of this memory will hold together; more than the memory has pages are as many as it has.</param>
    /// <remarks>
    /// Costs what the host takes to clear that much memory (about 0.2 ms a mebibyte). It stays taken until the memory is disposed, whichever snapshots are.
    /// Without this, memory is taken in pieces of 2 MiB as copies are made, and given back with the last snapshot.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    /// <exception cref="InsufficientMemoryException">The host has no more memory; what it gave before is kept.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// machine.ReserveCopies(1000);                                // the fuzzed program is known to write no more
    /// using Snapshot ready = machine.TakeSnapshot();
    /// memory.Write(0x1000, 1);                                    // copies a page into memory that is there
    /// Console.WriteLine(machine.WrittenPages);                    // 1
    /// </code></example>
    public void ReserveCopies(long pages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pages);
        Memory.ReserveCopies(pages);
    }

    /// <summary>Makes the machine what it was when a snapshot was taken. Every cached translation is dropped.</summary>
    /// <param name="snapshot">One of this machine; it can be restored again, and so can all others, whichever of them was taken later.</param>
    /// <remarks>
    /// Costs the pages that were written since it was taken or last restored; from another snapshot, the pages in which the two differ, too. Everybody
    /// who logs writes hears of these pages as written. Translations that were stale when the snapshot was taken are not: a processor may
    /// drop what it has cached at any time.
    /// </remarks>
    /// <exception cref="ArgumentException">The snapshot is another machine's.</exception>
    /// <exception cref="ObjectDisposedException">The snapshot or the memory was disposed.</exception>
    /// <example><code>
    /// using Snapshot start = machine.TakeSnapshot();
    /// mmu.WriteCr3(0x5000);
    /// memory.Write(0x1000, 1);
    /// using Snapshot later = machine.TakeSnapshot();
    /// machine.Restore(start);
    /// Console.WriteLine($"{memory.Read&lt;int&gt;(0x1000)}, CR3 {mmu.State.Cr3.Value:x}");      // 0, CR3 0
    /// machine.Restore(later);
    /// Console.WriteLine($"{memory.Read&lt;int&gt;(0x1000)}, CR3 {mmu.State.Cr3.Value:x}");      // 1, CR3 5000
    /// </code></example>
    public void Restore(Snapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (snapshot.Machine != this) throw new ArgumentException("The snapshot is another machine's.", nameof(snapshot));
        Memory.RestoreVersion(snapshot.Version);
        for (int i = 0; i < _processors.Length; i++) _processors[i].RestoreRegisters(snapshot.Registers[i]);
    }

    /// <summary>Reads a snapshot that was saved, here or in another process. The machine stays as it is until the snapshot is restored.</summary>
    /// <param name="stream">Where <see cref="Snapshot.Save"/> wrote it; read up to its end and no further.</param>
    /// <returns>The snapshot; it cannot be verified.</returns>
    /// <remarks>
    /// The memory must have the same ranges and the machine the same number and kinds of processors. A device that the snapshot has must be mapped,
    /// at the same addresses, when it is loaded. Reads and compares all of the memory.
    /// </remarks>
    /// <exception cref="InvalidDataException">
    /// It is no snapshot, of another version or of another machine, truncated, or damaged in any bit: the message says what and where. Nothing is changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x1000, 42);
    /// using var file = new System.IO.MemoryStream();
    /// using (Snapshot booted = machine.TakeSnapshot()) booted.Save(file);
    /// file.Position = 0;
    /// using var elsewhere = PhysicalMemory.Create(64 * MiB);      // in another process, another day
    /// using var processor = new Mmu(elsewhere, ProcessorFeatures.Zen4);
    /// var other = new Machine(elsewhere, processor);
    /// using Snapshot loaded = other.LoadSnapshot(file);
    /// other.Restore(loaded);
    /// Console.WriteLine(elsewhere.Read&lt;int&gt;(0x1000));             // 42
    /// </code></example>
    public Snapshot LoadSnapshot(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        SnapshotContents contents = SnapshotReader.Read(stream, Memory, _processors);
        return new Snapshot(this, Memory.AddVersion(contents.Map, contents.Pages, contents.Bytes), contents.Registers, copy: null);
    }
}
