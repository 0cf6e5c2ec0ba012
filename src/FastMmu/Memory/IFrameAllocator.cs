using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>A source of 4-KiB frames of RAM, for page tables and for whatever else lives in guest memory.</summary>
/// <remarks>Not thread-safe unless an implementation says so.</remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(16 * MiB);
/// IFrameAllocator frames = new BumpFrameAllocator(memory, new PhysicalRange(8 * MiB, 8 * MiB));
/// Console.WriteLine(frames.TryAllocate(out PhysicalAddress frame));   // True
/// </code></example>
public interface IFrameAllocator
{
    /// <summary>Takes a frame.</summary>
    /// <param name="frame">Its first address, a multiple of 4 KiB in RAM, all 4096 bytes zero; or zero when there is none.</param>
    /// <param name="limit">The frame must end at or below this address: page tables of 32-bit paging lie below 4 GiB.</param>
    /// <returns>False if no such frame is free.</returns>
    /// <example><code>
    /// Console.WriteLine(frames.TryAllocate(out PhysicalAddress second));                      // True
    /// Console.WriteLine(second);                                                              // 0x801000
    /// Console.WriteLine(frames.TryAllocate(out PhysicalAddress low, limit: 1 * MiB));         // False
    /// </code></example>
    bool TryAllocate(out PhysicalAddress frame, ulong limit = ulong.MaxValue);

    /// <summary>Gives a frame back.</summary>
    /// <param name="frame">A frame that is handed out.</param>
    /// <exception cref="ArgumentException">The frame is not handed out by this allocator.</exception>
    /// <example><code>
    /// frames.Free(frame);
    /// Console.WriteLine(frames.Owns(frame));      // False
    /// </code></example>
    void Free(PhysicalAddress frame);

    /// <summary>Whether a frame is handed out by this allocator now, so that <see cref="Free"/> would take it.</summary>
    /// <param name="frame">Any address; false unless it is the first of a frame.</param>
    /// <example><code>
    /// Console.WriteLine(frames.Owns(frame));              // True
    /// Console.WriteLine(frames.Owns(frame + 0x1000));     // False
    /// </code></example>
    bool Owns(PhysicalAddress frame);
}
