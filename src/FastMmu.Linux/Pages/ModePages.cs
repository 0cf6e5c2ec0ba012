using System.Runtime.CompilerServices;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <summary>The page tables of an address space in one paging mode, found and made.</summary>
/// <typeparam name="TEntry">How the mode stores an entry.</typeparam>
internal sealed unsafe partial class ModePages<TEntry> : UserPages
    where TEntry : unmanaged, IPageEntry<TEntry>
{
    private const ulong NoRegion = ulong.MaxValue;

    // The top table of a mode with tables of pages, directories and these. A move takes them whole.
    private const int GigabyteShift = 30;

    private readonly PageAllocator _pages;
    private readonly FrameMemory _frames;
    private readonly int _topShift;
    private TEntry* _top;

    // The top table's frame, or its address in the host.
    private ulong _root;

    // The leaf table that was looked up last: faults and walks come in runs.
    private ulong _lastRegion = NoRegion;
    private TEntry* _lastTable;

    internal ModePages(AddressSpace space, int topShift)
        : base(space)
    {
        _pages = Machine.Pages;
        _frames = Machine.Frames;
        _topShift = topShift;
    }

    /// <summary>What a leaf table maps, as a power of two.</summary>
    private static int RegionShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PageShift + TEntry.IndexBits;
    }

    private static ulong RegionBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1UL << RegionShift;
    }

    private static int EntriesInTable => 1 << TEntry.IndexBits;

    private int EntriesOfTop => TEntry.TopIsCached ? 4 : EntriesInTable;

    // Constants to the compiler, which would not always see it.
    private static ulong IndexMask
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (1UL << TEntry.IndexBits) - 1;
    }

    internal override bool EnsureRoot()
    {
        if (_top != null)
        {
            return true;
        }

        if (!TryTakeTable(out _root))
        {
            return false;
        }

        _top = At(_root);
        RootAddress = TEntry.InGuestMemory ? _root << PageShift : 0;
        Tables++;
        if (TEntry.InGuestMemory && Machine.KernelRoot != 0)
        {
            CopyKernelPart((TEntry*)_frames[Machine.KernelRoot >> PageShift]);
        }

        // All of the few entries of PAE's top table are needed soon, and each that changes costs a write to CR3.
        ulong made = 0;
        while (TEntry.TopIsCached && made < Space.UserEnd && MakeTable(_top + (made >> _topShift), _topShift))
        {
            made += 1UL << _topShift;
        }

        return !TEntry.TopIsCached || made >= Space.UserEnd;
    }

    // What begins behind the user's last address: the upper half of 64 bits, where that is a page below the middle.
    private void CopyKernelPart(TEntry* kernel)
    {
        int entries = EntriesOfTop;
        BeforeWrite(_top);
        for (int i = (int)((Space.UserEnd + PageBytes - 1) >> _topShift); i < entries; i++)
        {
            _top[i] = kernel[i];
        }
    }

    /// <summary>The entry of a page, if there is a table for it. Whoever writes it says so before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TEntry* Find(ulong address)
    {
        TEntry* table = address >> RegionShift == _lastRegion ? _lastTable : FindTable(address);
        return table == null ? null : table + ((address >> PageShift) & IndexMask);
    }

    /// <summary>The entry of a page, to be written now; its table is made if there is none.</summary>
    /// <returns>Null when memory is used up.</returns>
    internal TEntry* Make(ulong address)
    {
        TEntry* entry = Find(address);
        if (entry == null)
        {
            TEntry* table = MakeEntry(address, RegionShift);
            if (table == null || !MakeTable(table, RegionShift))
            {
                return null;
            }

            entry = Find(address);
        }

        BeforeWrite(entry);
        return entry;
    }

    /// <summary>Makes the tables above the leaf table, which the kernel does before it knows whether a fault can be resolved.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool MakeUpper(ulong address) =>
        address >> RegionShift == _lastRegion || MakeEntry(address, RegionShift) != null;

    /// <summary>The entry that covers 1 &lt;&lt; shift bytes; tables above it are made.</summary>
    private TEntry* MakeEntry(ulong address, int shift)
    {
        if (!EnsureRoot())
        {
            return null;
        }

        TEntry* table = _top;
        for (int level = _topShift; level > shift; level -= TEntry.IndexBits)
        {
            TEntry* entry = table + ((address >> level) & IndexMask);
            if (entry->IsEmpty && !MakeTable(entry, level))
            {
                return null;
            }

            table = TableAt(*entry);
        }

        return table + ((address >> shift) & IndexMask);
    }

    /// <summary>The entry that covers 1 &lt;&lt; shift bytes, if the tables above it are there.</summary>
    private TEntry* FindEntry(ulong address, int shift)
    {
        TEntry* table = _top;
        for (int level = _topShift; table != null && level > shift; level -= TEntry.IndexBits)
        {
            TEntry entry = table[(address >> level) & IndexMask];
            table = entry.IsEmpty ? null : TableAt(entry);
        }

        return table == null ? null : table + ((address >> shift) & IndexMask);
    }

    private TEntry* FindTable(ulong address)
    {
        TEntry* entry = FindEntry(address, RegionShift);
        if (entry == null || entry->IsEmpty)
        {
            return null;
        }

        _lastRegion = address >> RegionShift;
        return _lastTable = TableAt(*entry);
    }

    private bool MakeTable(TEntry* entry, int shift)
    {
        if (!TryTakeTable(out ulong table))
        {
            return false;
        }

        BeforeWrite(entry);
        Volatile.WriteBarrier();
        *entry = TEntry.OfTable(table, shift);
        Tables++;
        CountedTables += Counted(shift);
        ReloadTop(shift);
        return true;
    }

    private void FreeTable(TEntry* entry, int shift)
    {
        PutTable(TableOf(*entry));
        BeforeWrite(entry);
        *entry = default;
        _lastRegion = NoRegion;
        Tables--;
        CountedTables -= Counted(shift);
        ReloadTop(shift);
    }

    // The second level from the top of five is not counted by the kernel, nor is the top.
    private static ulong Counted(int shift) => shift <= 39 ? 1UL : 0;

    private void ReloadTop(int shift)
    {
        if (TEntry.TopIsCached && shift == _topShift)
        {
            Reload();
        }
    }

    private bool TryTakeTable(out ulong table)
    {
        if (!TEntry.InGuestMemory)
        {
            return Machine.HostTables.TryTake(out table);
        }

        if (!_pages.TryAllocate(GfpFlags.PageTable, 0, out table))
        {
            return false;
        }

        _pages[table].Flags |= PageFlags.Table;
        return true;
    }

    private void PutTable(ulong table)
    {
        if (TEntry.InGuestMemory)
        {
            _pages.Put(table);
        }
        else
        {
            Machine.HostTables.Put(table);
        }
    }

    // A frame, or an address in the host.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong TableOf(TEntry entry) => TEntry.InGuestMemory ? Pte.Frame(entry.Value) : entry.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TEntry* At(ulong table) => TEntry.InGuestMemory ? (TEntry*)_frames[table] : (TEntry*)table;

    private TEntry* TableAt(TEntry entry) => At(TableOf(entry));

    // What is written to the host's own memory nobody needs to hear of.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeforeWrite(TEntry* entry)
    {
        if (TEntry.InGuestMemory)
        {
            _frames.BeforeWrite(entry);
        }
    }

    // Without what the mode has no bits for.
    private static ulong ProtectionOf(VmFlags flags, bool notify) => PageProtection.Of(flags, notify) & TEntry.Supported;
}
