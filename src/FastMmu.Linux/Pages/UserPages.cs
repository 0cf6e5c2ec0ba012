using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Processor;

namespace FastMmu.Linux.Pages;

/// <summary>The page tables of one address space, in the guest's memory as the processor reads them, and the pages in them.</summary>
/// <remarks>
/// Tables are made when a page is, and one page long; a level is an array of 512 entries of 8 bytes. Only the user's part is this class's:
/// the upper half of the top table is copied from <see cref="LinuxMachine.KernelRoot"/>. One thread at a time changes it.
/// </remarks>
public sealed unsafe partial class UserPages : IDisposable
{
    internal const ulong PageBytes = 4096;
    internal const int PageShift = 12;
    internal const int RegionShift = 21;
    internal const ulong RegionBytes = 1UL << RegionShift;
    private const int IndexBits = 9;
    private const ulong IndexMask = 511;
    private const ulong NoRegion = ulong.MaxValue;

    private readonly AddressSpace _space;
    private readonly LinuxMachine _machine;
    private readonly PageAllocator _pages;
    private readonly FrameMemory _frames;
    private readonly int _topShift;
    private ulong* _top;
    private ulong _root;
    private ulong _countedTables;
    private ulong _hiwaterRss;

    // The leaf table that was looked up last: faults and walks come in runs.
    private ulong _lastRegion = NoRegion;
    private ulong* _lastTable;

    internal UserPages(AddressSpace space)
    {
        _space = space;
        _machine = space.Machine;
        _pages = _machine.Pages;
        _frames = _machine.Frames;
        _topShift = _machine.Paging switch
        {
            PagingMode.FourLevel => 39,
            PagingMode.FiveLevel => 48,
            PagingMode mode => throw new ArgumentException($"Processes have page tables of four or five levels, not {mode}.", nameof(space)),
        };
        _machine.Spaces.Add(space);
    }

    /// <summary>Resident pages of anonymous memory (MM_ANONPAGES).</summary>
    public ulong RssAnon { get; private set; }

    /// <summary>Resident pages of files (MM_FILEPAGES).</summary>
    public ulong RssFile { get; private set; }

    /// <summary>Resident pages of shared memory (MM_SHMEMPAGES).</summary>
    public ulong RssShmem { get; private set; }

    /// <summary>Resident pages in all.</summary>
    public ulong Rss => RssAnon + RssFile + RssShmem;

    /// <summary>The most resident pages that there ever were (VmHWM).</summary>
    public ulong HiwaterRss => Math.Max(_hiwaterRss, Rss);

    /// <summary>How often resident pages have come, gone or moved: what was counted stays right as long as this stays the same.</summary>
    public ulong Changes { get; private set; }

    /// <summary>Bytes of page tables below the top two levels of five, or the top one of four: what VmPTE shows.</summary>
    public ulong TableBytes => _countedTables << PageShift;

    /// <summary>Page tables of all levels.</summary>
    public ulong Tables { get; private set; }

    /// <summary>What goes into CR3: the top table. It is made when it is first asked for.</summary>
    /// <exception cref="InsufficientMemoryException">There is no frame for it.</exception>
    public PhysicalAddress Root => EnsureRoot() ? new PhysicalAddress(_root) : throw new InsufficientMemoryException("No frame is free for the top page table.");

    /// <summary>Gives all pages and tables back. An MMU that still works with them must be given another address space before its next access.</summary>
    public void Dispose()
    {
        if (_machine.Spaces.Remove(_space))
        {
            foreach (Mmu mmu in _loaded.ToArray())
            {
                _space.Detach(mmu);
            }

            Clear();
        }
    }

    /// <summary>Takes the top table; the kernel's half of it is everybody's.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool EnsureRoot()
    {
        if (_top != null)
        {
            return true;
        }

        if (!TryAllocateTable(out ulong frame))
        {
            return false;
        }

        _top = (ulong*)_frames[frame];
        _root = frame << PageShift;
        Tables++;
        if (_machine.KernelRoot != 0)
        {
            new ReadOnlySpan<byte>(_frames[_machine.KernelRoot >> PageShift] + 2048, 2048).CopyTo(new Span<byte>((byte*)_top + 2048, 2048));
        }

        return true;
    }

    /// <summary>The entry of a page, if there is a table for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong* Find(ulong address)
    {
        ulong* table = address >> RegionShift == _lastRegion ? _lastTable : FindTable(address);
        return table == null ? null : table + ((address >> PageShift) & IndexMask);
    }

    /// <summary>The entry of a page; its table is made if there is none.</summary>
    /// <returns>Null when memory is used up.</returns>
    internal ulong* Make(ulong address)
    {
        ulong* entry = Find(address);
        if (entry != null)
        {
            return entry;
        }

        ulong* table = MakeEntry(address, RegionShift);
        if (table == null || !MakeTable(table, counted: true))
        {
            return null;
        }

        return Find(address);
    }

    /// <summary>Makes the tables above the leaf table, which the kernel does before it knows whether a fault can be resolved.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool MakeUpper(ulong address) =>
        address >> RegionShift == _lastRegion || MakeEntry(address, RegionShift) != null;

    /// <summary>The entry that covers 1 &lt;&lt; shift bytes; tables above it are made.</summary>
    private ulong* MakeEntry(ulong address, int shift)
    {
        if (!EnsureRoot())
        {
            return null;
        }

        ulong* table = _top;
        for (int level = _topShift; level > shift; level -= IndexBits)
        {
            ulong* entry = table + ((address >> level) & IndexMask);
            if (*entry == 0 && !MakeTable(entry, counted: level <= 39))
            {
                return null;
            }

            table = TableAt(*entry);
        }

        return table + ((address >> shift) & IndexMask);
    }

    /// <summary>The entry that covers 1 &lt;&lt; shift bytes, if the tables above it are there.</summary>
    private ulong* FindEntry(ulong address, int shift)
    {
        ulong* table = _top;
        for (int level = _topShift; table != null && level > shift; level -= IndexBits)
        {
            ulong entry = table[(address >> level) & IndexMask];
            table = entry == 0 ? null : TableAt(entry);
        }

        return table == null ? null : table + ((address >> shift) & IndexMask);
    }

    private ulong* FindTable(ulong address)
    {
        ulong* entry = FindEntry(address, RegionShift);
        if (entry == null || *entry == 0)
        {
            return null;
        }

        _lastRegion = address >> RegionShift;
        return _lastTable = TableAt(*entry);
    }

    // The second level from the top of five is not counted by the kernel, nor is the top.
    private bool MakeTable(ulong* entry, bool counted)
    {
        if (!TryAllocateTable(out ulong frame))
        {
            return false;
        }

        *entry = (frame << PageShift) | Pte.Table;
        Tables++;
        _countedTables += counted ? 1UL : 0;
        return true;
    }

    private void FreeTable(ulong* entry, bool counted)
    {
        _pages.Put((*entry & Pte.FrameMask) >> PageShift);
        *entry = 0;
        _lastRegion = NoRegion;
        Tables--;
        _countedTables -= counted ? 1UL : 0;
    }

    private bool TryAllocateTable(out ulong frame)
    {
        if (!_pages.TryAllocate(GfpFlags.PageTable, 0, out frame))
        {
            return false;
        }

        _pages[frame].Flags |= PageFlags.Table;
        return true;
    }

    private ulong* TableAt(ulong entry) => (ulong*)_frames[(entry & Pte.FrameMask) >> PageShift];

    // Before pages go.
    private void NoteHiwater() => _hiwaterRss = HiwaterRss;
}
