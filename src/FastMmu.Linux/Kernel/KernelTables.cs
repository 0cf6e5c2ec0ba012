using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Linux.Kernel;

/// <summary>
/// Single entries of the kernel's page tables: tables that stand before anything is mapped in them, and leaves that come and go without
/// their tables. Large regions are mapped by the engine's mapper over the same root.
/// </summary>
internal sealed class KernelTables(PhysicalMemory memory, IFrameAllocator frames, PagingMode mode, PhysicalAddress root)
{
    internal const ulong Present = 1;
    internal const ulong Write = 1 << 1;
    internal const ulong Accessed = 1 << 5;
    internal const ulong Dirty = 1 << 6;
    internal const ulong Global = 1 << 8;
    internal const ulong NoExecute = 1UL << 63;
    private const ulong FrameMask = 0x000f_ffff_ffff_f000;
    private const ulong PageSize = 1 << 7;

    private readonly int _entryBytes = mode == PagingMode.TwoLevel ? 4 : 8;
    private readonly int _levels = mode switch { PagingMode.TwoLevel => 2, PagingMode.Pae => 3, PagingMode.FourLevel => 4, _ => 5 };

    /// <summary>The top table.</summary>
    internal PhysicalAddress Root => root;

    /// <summary>The level of the top table.</summary>
    internal int Levels => _levels;

    /// <summary>Entries of the top table.</summary>
    internal int TopEntries => mode switch { PagingMode.TwoLevel => 1024, PagingMode.Pae => 4, _ => 512 };

    /// <summary>Bytes of an entry.</summary>
    internal int EntryBytes => _entryBytes;

    /// <summary>What one entry of the top table maps, as a power of two.</summary>
    internal int TopShift => ShiftOf(_levels);

    /// <summary>A leaf of 4 KiB as the kernel makes it (__PAGE_KERNEL): writable, not executable, global, used and written.</summary>
    internal ulong Leaf(ulong physical) =>
        physical | Present | Write | Accessed | Dirty | Global | (_entryBytes == 8 ? NoExecute : 0);

    /// <summary>The table of a level that an address leads through, made if it does not stand yet.</summary>
    /// <param name="address">The address.</param>
    /// <param name="level">1 for the page table, up to one less than the top.</param>
    /// <exception cref="InsufficientMemoryException">No frame is left for a table.</exception>
    /// <exception cref="InvalidOperationException">A large page is in the way.</exception>
    internal PhysicalAddress Ensure(ulong address, int level) =>
        TryEnsure(address, level, out PhysicalAddress table) ? table : throw new InsufficientMemoryException("No page is left for the kernel's page tables.");

    /// <summary>The same, false if no frame is left; tables made so far stay.</summary>
    internal bool TryEnsure(ulong address, int level, out PhysicalAddress table)
    {
        table = root;
        for (int at = _levels; at > level; at--)
        {
            PhysicalAddress entry = EntryOf(table, address, at);
            ulong raw = Read(entry);
            if ((raw & Present) == 0)
            {
                bool narrow = mode is PagingMode.TwoLevel or PagingMode.Pae;
                if (!frames.TryAllocate(out PhysicalAddress frame, narrow ? 1UL << 32 : ulong.MaxValue)) return false;

                // An entry of PAE's top table has no rights.
                raw = frame.Value | Present | (mode == PagingMode.Pae && at == 3 ? 0 : Write | Accessed | Dirty);
                Store(entry, raw);
            }
            else if (at < _levels && (raw & PageSize) != 0)
            {
                throw new InvalidOperationException($"A large page maps {address:x}.");
            }

            table = new PhysicalAddress(raw & FrameMask);
        }

        return true;
    }

    /// <summary>Where the entry of an address stands in a table.</summary>
    internal PhysicalAddress EntryOf(PhysicalAddress table, ulong address, int level)
    {
        int bits = mode == PagingMode.TwoLevel ? 10 : mode == PagingMode.Pae && level == 3 ? 2 : 9;
        ulong index = (address >> ShiftOf(level)) & ((1UL << bits) - 1);
        return new PhysicalAddress(table.Value + (index * (ulong)_entryBytes));
    }

    /// <summary>Maps, or with 0 unmaps, one page.</summary>
    internal void SetLeaf(ulong address, ulong raw) => Store(EntryOf(Ensure(address, 1), address, 1), raw);

    /// <summary>Reads an entry.</summary>
    internal ulong Read(PhysicalAddress entry) => _entryBytes == 8 ? memory.Read<ulong>(entry) : memory.Read<uint>(entry);

    /// <summary>Writes an entry, at once.</summary>
    internal void Store(PhysicalAddress entry, ulong raw)
    {
        if (_entryBytes == 8) memory.Write(entry, raw);
        else memory.Write(entry, (uint)raw);
    }

    private int ShiftOf(int level) => mode == PagingMode.TwoLevel ? 12 + (10 * (level - 1)) : 12 + (9 * (level - 1));
}
