using FastMmu.Memory;

namespace FastMmu;

/// <summary>A <see cref="Machine"/> at one moment. Made by <see cref="Machine.TakeSnapshot"/>.</summary>
/// <remarks>Snapshots may be disposed in any order; the others stay what they are.</remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// var machine = new Machine(memory, mmu);
/// memory.Write(0x1000, "clean"u8);
/// using Snapshot clean = machine.TakeSnapshot();
/// </code></example>
public sealed class Snapshot : IDisposable
{
    private readonly MemoryVersion _version;
    private bool _disposed;

    internal Snapshot(Machine machine, MemoryVersion version, ProcessorRegisters[] registers)
    {
        Machine = machine;
        _version = version;
        Registers = registers;
    }

    /// <summary>Whose it is.</summary>
    public Machine Machine { get; }

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

    /// <summary>Forgets it. The machine stays as it is. When no snapshot is left, writes cost nothing more.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Machine.Memory.ReleaseVersion(_version);
    }
}
