using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using FastMmu.Addresses;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Kernel;

/// <summary>Memory whose pages are contiguous in addresses only (vmalloc), each piece with a guard page behind it.</summary>
/// <remarks>
/// The lowest gap that is large enough is taken. What is freed loses its pages at once and keeps its addresses until so many are gathered
/// that one flush pays (32 MiB for each doubling of processors): then <see cref="Purged"/> says what every TLB must forget. Source: mm/vmalloc.c.
/// </remarks>
public sealed class VmallocArea
{
    private const ulong Page = 4096;
    private const ulong LazyPagesPerStep = (32UL << 20) / Page;

    // What a page table maps at least: of the two sizes the smaller.
    private const ulong TableBytes = 2UL << 20;

    private readonly PageAllocator _pages;
    private readonly KernelLayout _layout;
    private readonly KernelTables _tables;
    private readonly List<Piece> _pieces = [];
    private ulong _lazyPages;

    internal VmallocArea(PageAllocator pages, KernelLayout layout, KernelTables tables)
    {
        (_pages, _layout, _tables) = (pages, layout, tables);
        MostLazyPages = LazyPagesPerStep * (ulong)(BitOperations.Log2((uint)pages.Options.Processors) + 1);
    }

    /// <summary>Called with the range whose translations are stale, before its addresses are used again.</summary>
    public Action<LinearRange>? Purged { get; set; }

    /// <summary>How many freed pages of addresses are gathered before a purge (lazy_max_pages).</summary>
    public ulong MostLazyPages { get; }

    /// <summary>Pieces in use.</summary>
    public int Count => _pieces.Count(p => !p.Freed);

    /// <summary>Bytes of the pieces in use, guards left out (VmallocUsed of /proc/meminfo counts them so).</summary>
    public ulong UsedBytes
    {
        get
        {
            ulong bytes = 0;
            foreach (Piece piece in _pieces)
            {
                if (!piece.Freed) bytes += piece.Bytes;
            }

            return bytes;
        }
    }

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much; rounded up to pages.</param>
    /// <param name="address">Where it begins.</param>
    /// <param name="gfp">How its pages are asked for.</param>
    /// <returns>False if there are no bytes, no addresses or no pages: nothing is changed then.</returns>
    public bool TryAllocate(ulong bytes, out ulong address, GfpFlags gfp = GfpFlags.Kernel | GfpFlags.HighMem)
    {
        address = 0;
        ulong size = (bytes + Page - 1) & ~(Page - 1);
        // More than all memory is refused before a page is taken.
        if (bytes == 0 || size < bytes || size / Page > _pages.ManagedPages) return false;
        if (!TryFindGap(size + Page, out int index, out ulong start))
        {
            Purge();
            if (!TryFindGap(size + Page, out index, out start)) return false;
        }

        for (ulong at = start; at < start + size; at = (at + TableBytes) & ~(TableBytes - 1))
        {
            if (!_tables.TryEnsure(at, 1, out _)) return false;
        }

        var frames = new ulong[size / Page];
        int taken = _pages.AllocateBulk(gfp, frames);
        if (taken < frames.Length)
        {
            _pages.PutBulk(frames.AsSpan(0, taken));
            return false;
        }

        for (int i = 0; i < frames.Length; i++) _tables.SetLeaf(start + ((ulong)i * Page), _tables.Leaf(frames[i] * Page));
        _pieces.Insert(index, new Piece(start, size, frames));
        address = start;
        return true;
    }

    /// <summary>Gives memory back: its pages at once, its addresses later.</summary>
    /// <param name="address">Where it begins.</param>
    /// <exception cref="ArgumentException">Nothing in use begins there.</exception>
    public void Free(ulong address)
    {
        int index = IndexOf(address);
        if (index == _pieces.Count || _pieces[index].Start != address || _pieces[index].Freed) ThrowNothing(address);
        Piece piece = _pieces[index];
        for (ulong at = piece.Start; at < piece.End; at += Page) _tables.SetLeaf(at, 0);
        _pages.PutBulk(piece.Frames);
        piece.Freed = true;
        _lazyPages += (piece.Bytes / Page) + 1;
        if (_lazyPages > MostLazyPages) Purge();
    }

    /// <summary>The page behind an address (vmalloc_to_page, as a number).</summary>
    /// <param name="address">Any address.</param>
    /// <param name="frame">The page frame number.</param>
    /// <returns>False for what is not in use, guard pages among it.</returns>
    public bool TryFrameOf(ulong address, out ulong frame)
    {
        int index = IndexOf(address + 1) - 1;
        frame = 0;
        if (index < 0 || _pieces[index].Freed || address >= _pieces[index].End) return false;
        frame = _pieces[index].Frames[(int)((address - _pieces[index].Start) / Page)];
        return true;
    }

    /// <summary>Makes the addresses of everything freed usable again, and says what TLBs must forget.</summary>
    public void Purge()
    {
        ulong first = ulong.MaxValue, end = 0;
        foreach (Piece piece in _pieces)
        {
            if (!piece.Freed) continue;
            first = Math.Min(first, piece.Start);
            end = Math.Max(end, piece.End);
        }

        if (end == 0) return;
        _pieces.RemoveAll(p => p.Freed);
        _lazyPages = 0;
        Purged?.Invoke(new LinearRange(new LinearAddress(first), end - first));
    }

    [DoesNotReturn]
    private static void ThrowNothing(ulong address) => throw new ArgumentException($"No vmalloc memory begins at {address:x}.", nameof(address));

    // The first piece that starts at or above an address.
    private int IndexOf(ulong address)
    {
        int low = 0, high = _pieces.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_pieces[middle].Start < address) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private bool TryFindGap(ulong bytes, out int index, out ulong start)
    {
        start = _layout.VmallocStart;
        for (index = 0; index < _pieces.Count; index++)
        {
            if (_pieces[index].Start - start >= bytes) return true;
            start = _pieces[index].End + Page;
        }

        return start <= _layout.VmallocEnd && _layout.VmallocEnd - start >= bytes;
    }

    private sealed class Piece(ulong start, ulong bytes, ulong[] frames)
    {
        internal ulong Start => start;

        internal ulong Bytes => bytes;

        internal ulong End => start + bytes;

        internal ulong[] Frames => frames;

        internal bool Freed { get; set; }
    }
}
