using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>
/// Hands out the frames of one range in ascending order: an addition and a clearing of 4 KiB each. For tables that are built once.
/// </summary>
/// <remarks>
/// Only the frame taken last can be used again after <see cref="Free"/>, which makes a failed operation that frees in reverse order
/// leave no trace; other frames are lost until <see cref="Reset"/>.
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(16 * MiB);
/// var frames = new BumpFrameAllocator(memory, new PhysicalRange(8 * MiB, 8 * MiB));
/// Console.WriteLine(frames.TryAllocate(out PhysicalAddress frame) ? frame : null);    // 0x800000
/// Console.WriteLine(frames.FreeFrames);                                               // 2047
/// </code></example>
public sealed class BumpFrameAllocator : IFrameAllocator
{
    private const int FrameBytes = 4096;

    private readonly PhysicalMemory _memory;
    private ulong _next;

    /// <summary>Creates an allocator of a range.</summary>
    /// <param name="memory">Where the frames are.</param>
    /// <param name="range">Multiple of 4 KiB at both ends, all of it in one RAM range.</param>
    /// <exception cref="ArgumentException">The range is unaligned, or not RAM from end to end.</exception>
    public BumpFrameAllocator(PhysicalMemory memory, PhysicalRange range)
    {
        ArgumentNullException.ThrowIfNull(memory);
        if (((range.Start.Value | range.Length) & (FrameBytes - 1)) != 0)
        {
            throw new ArgumentException($"Range {range} is not a multiple of 4 KiB.", nameof(range));
        }

        bool ram = memory.Ranges.Any(r => r.Kind == MemoryKind.Ram && r.Start <= range.Start && range.Length <= r.End - range.Start.Value
            && range.Start.Value < r.End);
        if (!ram) throw new ArgumentException($"Range {range} is not RAM from end to end.", nameof(range));
        _memory = memory;
        Range = range;
        _next = range.Start.Value;
    }

    /// <summary>The frames that this allocator hands out.</summary>
    public PhysicalRange Range { get; }

    /// <summary>How many frames are still to be had.</summary>
    public long FreeFrames => (long)((Range.End - _next) / FrameBytes);

    /// <summary>How many frames were taken, those included that were freed and lost.</summary>
    public long UsedFrames => (long)((_next - Range.Start.Value) / FrameBytes);

    /// <inheritdoc/>
    public bool TryAllocate(out PhysicalAddress frame, ulong limit = ulong.MaxValue)
    {
        frame = default;
        if (_next >= Range.End || _next + FrameBytes > limit) return false;
        frame = PhysicalAddress.Truncate(_next);
        _memory.Span(frame, FrameBytes).Clear();
        _next += FrameBytes;
        return true;
    }

    /// <inheritdoc/>
    public void Free(PhysicalAddress frame)
    {
        if (!Owns(frame)) throw new ArgumentException($"Frame {frame} is not handed out.", nameof(frame));
        if (frame.Value == _next - FrameBytes) _next = frame.Value;
    }

    /// <inheritdoc/>
    public bool Owns(PhysicalAddress frame) => frame >= Range.Start && frame.Value < _next && (frame.Value & (FrameBytes - 1)) == 0;

    /// <summary>Takes all frames back at once.</summary>
    /// <example><code>
    /// frames.Reset();
    /// Console.WriteLine(frames.UsedFrames);       // 0
    /// </code></example>
    public void Reset() => _next = Range.Start.Value;
}
