using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>Which pages of a memory were written. Made by <see cref="PhysicalMemory.StartDirtyLog"/>.</summary>
/// <remarks>Thread-safe: virtual CPUs on any thread may write while it is taken.</remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// using DirtyLog log = memory.StartDirtyLog();
/// memory.Write(0x20_0ffe, 0x1122_3344);                       // the last bytes of a page, and the first of the next
/// Console.WriteLine(log.Count);                               // 2
/// </code></example>
public sealed class DirtyLog : IDisposable
{
    private readonly PhysicalMemory _memory;
    private readonly List<ulong> _pages = [];

    internal DirtyLog(PhysicalMemory memory, byte guard)
    {
        _memory = memory;
        Guard = guard;
    }

    /// <summary>How many pages were written since the log began or was last taken.</summary>
    public int Count => _pages.Count;

    /// <summary>The bit of a page's guards that is this log's.</summary>
    internal byte Guard { get; }

    /// <summary>The pages of 4 KiB that were written, in the order of their first write, and begins anew: costs some nanoseconds a page.</summary>
    /// <returns>Their first addresses.</returns>
    /// <exception cref="ObjectDisposedException">The memory or this was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(string.Join(", ", log.Take()));           // 0x200000, 0x201000
    /// memory.Write(0x20_1000, 1);
    /// Console.WriteLine(string.Join(", ", log.Take()));           // 0x201000
    /// </code></example>
    public PhysicalAddress[] Take() => Take<NoInterleavingPoints>();

    internal PhysicalAddress[] Take<TPoints>() where TPoints : struct, IInterleavingPoints =>
        Array.ConvertAll(_memory.TakeDirty<TPoints>(this, _pages), p => new PhysicalAddress(p));

    /// <summary>Ends the log.</summary>
    public void Dispose() => _memory.StopDirtyLog(this);

    /// <summary>Notes a page; the memory's lock is held.</summary>
    internal void Add(ulong page) => _pages.Add(page);
}
