using FastMmu.Addresses;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Kernel;

/// <summary>How a 32-bit kernel reaches pages that the direct map has no room for: slots that last (kmap) and slots of a processor (kmap_local).</summary>
/// <remarks>
/// <para>A lasting slot counts: 0 is free, 1 is unused but its translation may still be cached, n+1 has n users. Slots are handed out in turn;
/// when the turn comes to slot 0 all slots of count 1 are cleared, with one flush of the TLBs.</para>
/// <para>A processor's slots are a stack in the fixed pages: the last one mapped is the first to go. Source: mm/highmem.c of Linux 6.18.</para>
/// </remarks>
public sealed class HighMemory
{
    private const ulong Page = 4096;

    private readonly PageAllocator _pages;
    private readonly KernelLayout _layout;
    private readonly Layout32 _areas;
    private readonly KernelTables _tables;
    private readonly int[] _counts;
    private readonly ulong[] _frames;
    private readonly Dictionary<ulong, int> _slots = [];
    private readonly Stack<ulong>[] _local;
    private int _last;

    internal HighMemory(PageAllocator pages, KernelLayout layout, KernelTables tables)
    {
        (_pages, _layout, _tables) = (pages, layout, tables);
        _areas = layout.Areas32!;
        _counts = new int[_areas.HasPkmap ? _areas.PkmapSlots : 0];
        _frames = new ulong[_counts.Length];
        _local = new Stack<ulong>[Math.Min(pages.Options.Processors, layout.Options.MostProcessors)];
        for (int i = 0; i < _local.Length; i++) _local[i] = new();
    }

    /// <summary>Called with the range whose translations every processor must forget, when slots are cleared.</summary>
    public Action<LinearRange>? Flushed { get; set; }

    /// <summary>Called with the address whose translation this processor must forget, when a temporary mapping goes.</summary>
    public Action<LinearAddress>? Dropped { get; set; }

    /// <summary>The count of each lasting slot.</summary>
    public IReadOnlyList<int> Counts => _counts;

    /// <summary>Whether a page has no address in the direct map (PageHighMem).</summary>
    /// <param name="frame">Its page frame number.</param>
    public bool IsHigh(ulong frame) => frame >= _areas.LowMemory / Page;

    /// <summary>The page of a lasting slot.</summary>
    /// <param name="slot">0 to one less than the number of slots.</param>
    /// <param name="frame">The page frame number.</param>
    /// <returns>False if the slot is free.</returns>
    public bool TryFrameOfSlot(int slot, out ulong frame)
    {
        frame = _counts[slot] > 0 ? _frames[slot] : 0;
        return _counts[slot] > 0;
    }

    /// <summary>Gives a page an address that stays until it is given back (kmap).</summary>
    /// <param name="frame">Its page frame number.</param>
    /// <param name="address">Its address: that of the direct map if it has one.</param>
    /// <returns>False if every slot is in use: the kernel would wait for one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such page.</exception>
    public bool TryMap(ulong frame, out ulong address)
    {
        if (TryLow(frame, out address)) return true;
        if (!_slots.TryGetValue(frame, out int slot))
        {
            slot = FreeSlot();
            if (slot < 0) return false;
            _tables.SetLeaf(AddressOf(slot), _tables.Leaf(frame * Page));
            _counts[slot] = 1;
            _frames[slot] = frame;
            _slots.Add(frame, slot);
        }

        _counts[slot]++;
        address = AddressOf(slot);
        return true;
    }

    /// <summary>Gives an address back (kunmap). The mapping stays, for the page's next user, until slots run out.</summary>
    /// <param name="frame">The page.</param>
    /// <returns>Whether a slot became unused, which is what others may wait for.</returns>
    /// <exception cref="ArgumentException">The page has no lasting mapping in use.</exception>
    public bool Unmap(ulong frame)
    {
        if (TryLow(frame, out _)) return false;
        if (!_slots.TryGetValue(frame, out int slot) || _counts[slot] < 2)
        {
            throw new ArgumentException($"Page frame 0x{frame:x} is not mapped.", nameof(frame));
        }

        return --_counts[slot] == 1;
    }

    /// <summary>Clears all slots that nobody uses (kmap_flush_unused).</summary>
    public void FlushUnused()
    {
        bool any = false;
        for (int slot = 0; slot < _counts.Length; slot++)
        {
            if (_counts[slot] != 1) continue;
            _counts[slot] = 0;
            _slots.Remove(_frames[slot]);
            _tables.SetLeaf(AddressOf(slot), 0);
            any = true;
        }

        if (any) Flushed?.Invoke(new LinearRange(new LinearAddress(_areas.Pkmap), (ulong)_counts.Length * Page));
    }

    /// <summary>Gives a page an address of this processor's until it is given back, in reverse order (kmap_local_page, kmap_atomic).</summary>
    /// <param name="processor">Which processor.</param>
    /// <param name="frame">The page.</param>
    /// <returns>Its address: that of the direct map if it has one.</returns>
    /// <exception cref="InvalidOperationException">All slots of the processor are in use.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such page or processor.</exception>
    public ulong MapLocal(int processor, ulong frame)
    {
        Stack<ulong> stack = StackOf(processor);
        if (TryLow(frame, out ulong address)) return address;
        if (stack.Count == Layout32.LocalMapsPerProcessor) throw new InvalidOperationException($"All {stack.Count} temporary mappings of processor {processor} are in use.");
        address = LocalAddress(processor, stack.Count);
        _tables.SetLeaf(address, _tables.Leaf(frame * Page));
        stack.Push(frame);
        return address;
    }

    /// <summary>Gives the last temporary mapping of a processor back (kunmap_local).</summary>
    /// <param name="processor">Which processor.</param>
    /// <param name="address">An address in the mapping; of the direct map, which is passed over.</param>
    /// <exception cref="ArgumentException">It is not the last one that was made.</exception>
    public void UnmapLocal(int processor, ulong address)
    {
        Stack<ulong> stack = StackOf(processor);
        if (_layout.TryVirtToPhys(address, out _)) return;
        ulong last = LocalAddress(processor, stack.Count - 1);
        if (stack.Count == 0 || (address & ~(Page - 1)) != last) throw new ArgumentException($"{address:x} is not the last temporary mapping.", nameof(address));
        stack.Pop();
        _tables.SetLeaf(last, 0);
        Dropped?.Invoke(new LinearAddress(last));
    }

    private static ulong LocalAddress(int processor, int index) => Layout32.FixmapAddress(Layout32.LocalMapSlot(processor, index));

    private ulong AddressOf(int slot) => _areas.Pkmap + ((ulong)slot * Page);

    private Stack<ulong> StackOf(int processor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(processor);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(processor, _local.Length);
        return _local[processor];
    }

    private bool TryLow(ulong frame, out ulong address)
    {
        if (frame >= _pages.Frames) throw new ArgumentOutOfRangeException(nameof(frame), $"There is no page frame 0x{frame:x}.");
        return _layout.TryPhysToVirt(frame * Page, out address);
    }

    private int FreeSlot()
    {
        for (int left = _counts.Length; left > 0; left--)
        {
            _last = (_last + 1) % _counts.Length;
            // Each time round, what nobody uses is cleared.
            if (_last == 0)
            {
                FlushUnused();
                left = _counts.Length;
            }

            if (_counts[_last] == 0) return _last;
        }

        return -1;
    }
}
