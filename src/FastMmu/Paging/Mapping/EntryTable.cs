using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Modes;

namespace FastMmu.Paging.Mapping;

/// <summary>The entries of one table in RAM, to be read and written in place. Single entries are written atomically.</summary>
internal readonly unsafe ref struct EntryTable<TMode> where TMode : struct, IPagingMode
{
    private readonly PhysicalMemory _memory;
    private readonly Span<byte> _bytes;

    private EntryTable(PhysicalMemory memory, Span<byte> bytes)
    {
        _memory = memory;
        _bytes = bytes;
    }

    /// <summary>Opens a table; false unless all of it is RAM.</summary>
    internal static bool TryOpen(PhysicalMemory memory, ulong table, int level, out EntryTable<TMode> entries)
    {
        var address = PhysicalAddress.Truncate(table);
        bool ram = memory.TryGetReadOnlySpan(address, TableGeometry<TMode>.Entries(level) * TMode.EntryBytes, out ReadOnlySpan<byte> bytes)
            && memory.KindOf(address) == MemoryKind.Ram;
        // Looking at a table is no write of it: each write below says so itself.
        entries = new(memory, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(bytes), bytes.Length));
        return ram;
    }

    internal ulong this[int index]
    {
        get => TMode.EntryBytes == 8 ? Volatile.Read(ref At64(index)) : Volatile.Read(ref At32(index));
        set
        {
            BeforeWrite(index, 1);
            if (TMode.EntryBytes == 8) Volatile.Write(ref At64(index), value);
            else Volatile.Write(ref At32(index), (uint)value);
        }
    }

    /// <summary>Replaces an entry if no processor has set A or D in it meanwhile.</summary>
    internal bool TryReplace(int index, ulong expected, ulong value)
    {
        BeforeWrite(index, 1);
        return TMode.EntryBytes == 8
            ? Interlocked.CompareExchange(ref At64(index), value, expected) == expected
            : Interlocked.CompareExchange(ref At32(index), (uint)value, (uint)expected) == (uint)expected;
    }

    /// <summary>Whether every entry is zero, so that nothing is lost with the table.</summary>
    internal bool IsEmpty => !_bytes.ContainsAnyExcept((byte)0);

    /// <summary>Whether an entry of a run is present.</summary>
    internal bool AnyPresent(int index, int count)
    {
        for (int i = index; i < index + count; i++)
        {
            if ((this[i] & EntryBits.Present) != 0) return true;
        }

        return false;
    }

    /// <summary>Writes consecutive leaves: the whole table in one loop, without another walk.</summary>
    /// <param name="index">First entry.</param>
    /// <param name="count">Entries.</param>
    /// <param name="leaf">The first leaf.</param>
    /// <param name="step">What to add for each next one: the page's size.</param>
    internal void Fill(int index, int count, ulong leaf, ulong step)
    {
        BeforeWrite(index, count);
        if (TMode.EntryBytes == 8)
        {
            foreach (ref ulong entry in MemoryMarshal.Cast<byte, ulong>(_bytes).Slice(index, count))
            {
                entry = leaf;
                leaf += step;
            }
        }
        else
        {
            uint narrow = (uint)leaf;
            foreach (ref uint entry in MemoryMarshal.Cast<byte, uint>(_bytes).Slice(index, count))
            {
                entry = narrow;
                narrow += (uint)step;
            }
        }
    }

    // Guest memory does not move, so that the reference is an address.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeforeWrite(int index, int count) =>
        _memory.BeforeHostWrite(Unsafe.AsPointer(ref _bytes[index * TMode.EntryBytes]), count * TMode.EntryBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref ulong At64(int index) => ref MemoryMarshal.Cast<byte, ulong>(_bytes)[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref uint At32(int index) => ref MemoryMarshal.Cast<byte, uint>(_bytes)[index];
}
