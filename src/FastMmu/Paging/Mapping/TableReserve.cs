using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// The frames that an operation will need for tables, taken before it changes anything: what begins can then be finished. They are
/// chained through their own first bytes, so that a reserve of any length costs no host memory.
/// </summary>
internal struct TableReserve(PhysicalMemory memory, IFrameAllocator frames, ulong limit)
{
    // Frame 0 is a frame like any other.
    private const ulong End = ulong.MaxValue;

    private ulong _first = End;

    /// <summary>Takes frames; on failure gives all back, in reverse order.</summary>
    internal bool TryTake(long count)
    {
        for (; count > 0; count--)
        {
            if (!frames.TryAllocate(out PhysicalAddress frame, limit))
            {
                while (_first != End) frames.Free(Next());
                return false;
            }

            memory.Write(frame, _first);
            _first = frame.Value;
        }

        return true;
    }

    /// <summary>A frame of zeros. There are as many as were taken.</summary>
    internal PhysicalAddress Next()
    {
        var frame = PhysicalAddress.Truncate(_first);
        _first = memory.Read<ulong>(frame);
        memory.Write(frame, 0UL);
        return frame;
    }
}
