using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Linux.Physical;

/// <summary>
/// Hands out physical pages as the kernel does — zones, watermarks, the buddy system, lists for each processor — and keeps a
/// <see cref="PageFrame"/> for each page (mem_map).
/// </summary>
/// <remarks>
/// Nothing is touched before it is handed out: a machine of many GiB costs as much to start as a small one. Not thread-safe. There is
/// nothing to reclaim, so a request that watermarks refuse fails at once. Page frame numbers (pfn) are physical addresses divided by 4096.
/// </remarks>
public sealed unsafe partial class PageAllocator : IDisposable
{
    private readonly PhysicalMemory _memory;
    private ulong _frames;
    private PageFrame* _map;
    private byte* _blockTypes;
    private PerCpuPages* _perCpu;
    private PerCpuPages* _local;

    /// <summary>Starts an allocator of all RAM of a memory.</summary>
    /// <param name="memory">Where the pages are; stays the caller's.</param>
    /// <param name="options">How it is divided; null for a 64-bit machine of one processor.</param>
    /// <exception cref="ArgumentException">The options make no sense together, or nothing is left to hand out.</exception>
    /// <exception cref="InsufficientMemoryException">The host has no address space for the page descriptors.</exception>
    public PageAllocator(PhysicalMemory memory, PageAllocatorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        Options = options ?? new PageAllocatorOptions();
        ZonePlan plan = ZonePlan.Create(memory.Ranges, Options);
        _frames = plan.Frames;
        try
        {
            _map = (PageFrame*)Allocate(_frames, (ulong)sizeof(PageFrame));
            ulong blocks = (_frames >> Zone.BlockOrder) + 1;
            _blockTypes = (byte*)Allocate(blocks, 1);
            NativeMemory.Fill(_blockTypes, (nuint)blocks, (byte)MigrateType.Movable);
            _perCpu = (PerCpuPages*)Allocate((ulong)(Options.Processors * ZonePlan.MostZones), (ulong)sizeof(PerCpuPages));
        }
        catch
        {
            Release();
            throw;
        }

        _local = _perCpu;
        _zones = plan.CreateZones(_map, _blockTypes);
        TableFrames = new PageTableFrames(this);
        Start();
        memory.Disposing += Dispose;
    }

    /// <summary>Frees an allocator that was never disposed.</summary>
    ~PageAllocator() => Release();

    /// <summary>How memory is divided.</summary>
    public PageAllocatorOptions Options { get; }

    /// <summary>Where the pages are.</summary>
    public PhysicalMemory Memory => _memory;

    /// <summary>The page frame number behind the last that has a descriptor (max_pfn).</summary>
    public ulong Frames => _frames;

    /// <summary>Hands out zeroed pages for page tables, as the mapper of the engine wants them.</summary>
    public IFrameAllocator TableFrames { get; }

    /// <summary>What is known of a page.</summary>
    /// <param name="frame">Its page frame number.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no RAM up to there.</exception>
    public ref PageFrame this[ulong frame]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (frame >= _frames) ThrowNoFrame(frame);
            return ref _map[frame];
        }
    }

    /// <summary>The descriptors themselves, by page frame number: for loops over page tables, whose frames are known to be RAM.</summary>
    internal PageFrame* Map => _map;

    /// <summary>The processor whose lists are used (smp_processor_id).</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such processor.</exception>
    public int CurrentProcessor
    {
        get => (int)((_local - _perCpu) / ZonePlan.MostZones);
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, Options.Processors);
            _local = _perCpu + (value * ZonePlan.MostZones);
        }
    }

    /// <summary>Takes a page for a user, movable, from any zone, with one reference (GFP_HIGHUSER_MOVABLE). Its bytes are what they were.</summary>
    /// <param name="frame">Its page frame number.</param>
    /// <returns>False when none is free above the watermarks.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAllocatePage(out ulong frame)
    {
        Zone zone = _userZone;
        PerCpuPages* pages = _local + zone.Index;
        ulong head;
        if (zone.Free <= _userMark || (head = pages->Heads[(int)MigrateType.Movable]) == 0) return TryAllocate(GfpFlags.HighUserMovable, 0, out frame);
        TakeHead(pages, (int)MigrateType.Movable, head, 1);
        _map[head] = new PageFrame { Flags = PageFlags.MovableAllocation, RefCount = 1 };
        frame = head;
        return true;
    }

    /// <summary>Takes 2^order pages in a row, with one reference on the first (alloc_pages).</summary>
    /// <param name="gfp">From where and how.</param>
    /// <param name="order">0 to 10; the first page is a multiple of 2^order.</param>
    /// <param name="frame">The page frame number of the first.</param>
    /// <returns>False when no zone has such a block above its watermark.</returns>
    /// <exception cref="ArgumentException">Zones or kinds that exclude each other, or an impossible order.</exception>
    public bool TryAllocate(GfpFlags gfp, int order, out ulong frame)
    {
        ObjectDisposedException.ThrowIf(_map == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, Zone.MaxOrder);
        MigrateType type = KindOf(gfp);
        if (!TryFind(gfp, order, type, out frame)) return false;
        Prepare(frame, order, gfp);
        return true;
    }

    /// <summary>Takes single pages, as many as there are to be had (alloc_pages_bulk).</summary>
    /// <param name="gfp">From where and how.</param>
    /// <param name="frames">Receives their page frame numbers, from the first element on.</param>
    /// <returns>How many there were.</returns>
    public int AllocateBulk(GfpFlags gfp, Span<ulong> frames)
    {
        int count = 0;
        while (count < frames.Length && TryAllocate(gfp, 0, out frames[count])) count++;
        return count;
    }

    /// <summary>How a memory would be divided, without an allocator being made.</summary>
    /// <param name="ranges">Its ranges.</param>
    /// <param name="options">As for an allocator.</param>
    /// <returns>The zones of the architecture by ascending address; some may be empty.</returns>
    /// <exception cref="ArgumentException">The options make no sense together, or nothing is left to hand out.</exception>
    public static IReadOnlyList<ZoneExtent> PlanZones(IEnumerable<MemoryRange> ranges, PageAllocatorOptions? options = null) =>
        ZonePlan.Create(ranges, options ?? new PageAllocatorOptions()).Extents();

    /// <summary>Adds a reference to a page (get_page).</summary>
    /// <param name="frame">Its page frame number.</param>
    /// <exception cref="ArgumentException">It is not handed out.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Get(ulong frame)
    {
        if (frame >= _frames) ThrowNoFrame(frame);
        ref PageFrame page = ref _map[frame];
        if (page.RefCount <= 0) ThrowNotHandedOut(frame);
        page.RefCount++;
    }

    /// <summary>Drops a reference; the last one frees the page, or the block that begins with it (put_page).</summary>
    /// <param name="frame">Its page frame number; any page of a compound page stands for the whole.</param>
    /// <exception cref="ArgumentException">It is not handed out: it was freed before, or never taken.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(ulong frame)
    {
        if (frame >= _frames) ThrowNoFrame(frame);
        PageFrame* page = _map + frame;
        int left = page->RefCount - 1;
        if (left > 0) page->RefCount = left;
        else PutLast(frame, page, left);
    }

    /// <summary>Drops a reference of each of many pages.</summary>
    /// <param name="frames">Their page frame numbers.</param>
    /// <exception cref="ArgumentException">One is not handed out; those before it are dropped.</exception>
    public void PutBulk(ReadOnlySpan<ulong> frames)
    {
        foreach (ulong frame in frames) Put(frame);
    }

    /// <summary>Makes a block of pages as many single pages, each with one reference (split_page).</summary>
    /// <param name="frame">The first page of a block that is no compound page and has one reference.</param>
    /// <exception cref="ArgumentException">It is not such a block.</exception>
    public void SplitBlock(ulong frame)
    {
        PageFrame page = this[frame];
        if (page.RefCount != 1 || (page.Flags & (PageFlags.Head | PageFlags.Tail)) != 0) ThrowNotHandedOut(frame);
        PageFlags kind = page.Flags & ~PageFlags.OrderMask;
        for (ulong at = frame; at < frame + (1UL << page.Order); at++) _map[at] = new PageFrame { Flags = kind, RefCount = 1 };
    }

    /// <summary>Frees the descriptors. The memory stays; when it goes, so do they. Idempotent.</summary>
    public void Dispose()
    {
        _memory.Disposing -= Dispose;
        Release();
        GC.SuppressFinalize(this);
    }

    private static void* Allocate(ulong count, ulong size)
    {
        try
        {
            return NativeMemory.AllocZeroed((nuint)count, (nuint)size);
        }
        catch (OutOfMemoryException)
        {
            throw new InsufficientMemoryException($"The host has no {count * size} bytes for page descriptors.");
        }
    }

    [DoesNotReturn]
    private void ThrowNoFrame(ulong frame)
    {
        ObjectDisposedException.ThrowIf(_map == null, this);
        throw new ArgumentOutOfRangeException(nameof(frame), $"There is no page frame 0x{frame:x}.");
    }

    [DoesNotReturn]
    private static void ThrowNotHandedOut(ulong frame) =>
        throw new ArgumentException($"Page frame 0x{frame:x} is not handed out: freed twice, or never taken.", nameof(frame));

    private void PutLast(ulong frame, PageFrame* page, int left)
    {
        if (left < 0)
        {
            if ((page->Flags & PageFlags.Tail) == 0 || page->RefCount != 0) ThrowNotHandedOut(frame);
            Put(page->Private);
            return;
        }

        int order = page->Order;
        if ((page->Flags & PageFlags.Table) != 0) ZoneOf(frame).PageTablePages--;
        if ((page->Flags & PageFlags.Head) != 0)
        {
            for (ulong at = frame + 1; at < frame + (1UL << order); at++) _map[at] = default;
        }

        page->RefCount = 0;
        page->Flags = PageFlags.None;
        GiveBack(frame, order);
    }

    private void Prepare(ulong frame, int order, GfpFlags gfp)
    {
        PageFlags flags = (PageFlags)((uint)order << PageFrame.OrderShift);
        if ((gfp & GfpFlags.Movable) != 0) flags |= PageFlags.MovableAllocation;
        if ((gfp & GfpFlags.Comp) != 0 && order > 0)
        {
            flags |= PageFlags.Head;
            for (ulong at = frame + 1; at < frame + (1UL << order); at++) _map[at] = new PageFrame { Flags = PageFlags.Tail, Private = frame };
        }

        _map[frame] = new PageFrame { Flags = flags, RefCount = 1 };
        if ((gfp & GfpFlags.Zero) != 0) _memory.Span(new PhysicalAddress(frame << 12), 4096 << order).Clear();
    }

    private void Release()
    {
        NativeMemory.Free(_map);
        NativeMemory.Free(_blockTypes);
        NativeMemory.Free(_perCpu);
        _map = null;
        _blockTypes = null;
        _perCpu = _local = null;
        // With no frame and nothing above the mark, every call takes the way that knows.
        _frames = 0;
        _userMark = long.MaxValue;
    }
}
