using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Linux.Physical;

/// <summary>Hands out physical pages and keeps a <see cref="PageFrame"/> for each (mem_map).</summary>
public sealed class PageAllocator
{
    private readonly BitmapFrameAllocator _frames;
    private readonly PageFrame[] _map;

    internal PageAllocator(PhysicalMemory memory)
    {
        _frames = new BitmapFrameAllocator(memory);
        _map = new PageFrame[memory.End >> 12];
    }

    /// <summary>What is known of a page.</summary>
    /// <param name="frame">Its page frame number.</param>
    public ref PageFrame this[ulong frame] => ref _map[frame];

    /// <summary>Takes a page, with one reference.</summary>
    /// <param name="frame">Its page frame number.</param>
    /// <returns>False when none is free.</returns>
    public bool TryAllocatePage(out ulong frame)
    {
        bool done = _frames.TryAllocate(out PhysicalAddress address);
        frame = address.Value >> 12;
        if (done)
        {
            _map[frame] = new PageFrame { RefCount = 1 };
        }

        return done;
    }

    /// <summary>Drops a reference; the last one frees the page.</summary>
    public void Put(ulong frame)
    {
        if (--_map[frame].RefCount == 0)
        {
            _frames.Free(new PhysicalAddress(frame << 12));
        }
    }
}
