using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Linux.Physical;

/// <summary>The page allocator as the engine's mapper sees it: zeroed, unmovable pages, each marked as a page table while it is one.</summary>
internal sealed class PageTableFrames(PageAllocator pages) : IFrameAllocator
{
    private const int PageShift = 12;

    /// <inheritdoc/>
    public bool TryAllocate(out PhysicalAddress frame, ulong limit = ulong.MaxValue)
    {
        frame = default;
        // The zones below a limit; what comes from one that reaches beyond it may still be too high.
        if (!TryTake(GfpFlags.PageTable, limit, out ulong page) && !TryTake(GfpFlags.PageTable | GfpFlags.Dma32, limit, out page)
            && !TryTake(GfpFlags.PageTable | GfpFlags.Dma, limit, out page))
        {
            return false;
        }

        pages[page].Flags |= PageFlags.Table;
        pages.ZoneOf(page).PageTablePages++;
        frame = new PhysicalAddress(page << PageShift);
        return true;
    }

    /// <inheritdoc/>
    public void Free(PhysicalAddress frame)
    {
        if (!Owns(frame)) throw new ArgumentException($"Frame {frame} is not handed out as a page table.", nameof(frame));
        pages.Put(frame.Value >> PageShift);
    }

    /// <inheritdoc/>
    public bool Owns(PhysicalAddress frame)
    {
        ulong page = frame.Value >> PageShift;
        return (frame.Value & 0xfff) == 0 && page < pages.Frames && (pages[page].Flags & PageFlags.Table) != 0 && pages[page].RefCount > 0;
    }

    private bool TryTake(GfpFlags gfp, ulong limit, out ulong page)
    {
        if (!pages.TryAllocate(gfp, 0, out page)) return false;
        if ((page + 1) << PageShift <= limit) return true;
        pages.Put(page);
        return false;
    }
}
