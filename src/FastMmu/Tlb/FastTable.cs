using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Tlb;

/// <summary>
/// The table in front of the TLB: one eight-byte entry for a 4-KiB page that an access of one kind may use without any question. Direct-mapped,
/// in native memory, with a layout that a JIT may inline.
/// </summary>
/// <remarks>
/// <code>
/// entry:    63              52 51                     28 27                       0
///          +------------------+-------------------------+--------------------------+
///          | generation (xor) |  linear bits 48:25      | physical bits 39:12      |     widths for 48-bit linear addresses
///          +------------------+-------------------------+--------------------------+
/// slot:     linear bits 24:12
/// key:      generation in place, everything else zero
///
/// probe:    x = entry[slot] ^ ((linear >> 25) &lt;&lt; 28) ^ key        hit: x &lt; 2^28, and x is then the frame number
/// </code>
/// <para>One compare decides presence, rights, RAM (devices, ROM and holes never enter), and context. There is one table for each kind of
/// access and privilege (<see cref="Paging.Walk.PermissionTable.RowOf"/>), and an entry is put into it only after the access was permitted
/// under the context whose generation it carries.</para>
/// <para>Forgetting a context is taking a new generation number; when the numbers run out, the tables are cleared.
/// Only addresses that are canonical may be probed: the sign bits overlap the generation.</para>
/// <para>Owned by one virtual CPU; not thread-safe.</para>
/// </remarks>
internal sealed unsafe class FastTable : IDisposable
{
    internal const int SlotBits = 13;
    internal const int Slots = 1 << SlotBits;
    internal const int FrameBits = 28;
    internal const ulong FrameLimit = 1UL << (12 + FrameBits);
    internal const ulong LastFrame = (1UL << FrameBits) - 1;
    internal const int TagShift = 12 + SlotBits;
    internal const int Rows = 15;
    internal const int Banks = 4;

    /// <summary>Where the slot is in an address, as BEXTR wants it: first bit, and number of bits in the second byte.</summary>
    internal const ushort SlotControl = 12 | (SlotBits << 8);

    private const nuint TableBytes = Slots * (sizeof(ulong) + sizeof(uint));

    // Linear addresses of 2-MiB regions of which some page came from a larger page: whether an INVLPG must look at a whole region.
    private readonly ulong[] _largeRegions = new ulong[64];
    private readonly nint[] _tables = new nint[Rows * Banks];
    // What a row without a table points to, in all processors of the process, for ever: entries of zero never hit, because a generation never is.
    private static readonly byte* Empty = AllocateZeroed();

    private readonly FastViewMemory _viewMemory = new();
    private readonly FastView* _view;
    private FastContexts _contexts;
    private int _current;
    private int _previous;
    private int _lastReplaced;
    private uint _nextGeneration = 1;
    private uint _nextStructureGeneration = 1;
    private uint _lastGeneration = (1 << 12) - 1;
    private int _generationShift = 52;
    private bool _hugeSeen, _fourMegabytesSeen;
    private bool _disposed;

    internal FastTable()
    {
        _view = _viewMemory.View;
        PointRows();
    }

    // The view and the leaf tables have their own finalizers, which may have run.
    ~FastTable() => FreeTables();

    /// <summary>What a probe reads.</summary>
    internal FastView* View => _view;

    /// <summary>The generation of the current context, in place.</summary>
    internal ulong Key => _view->Key;

    /// <summary>The generation of the current context in the tags of the leaf-table cache, in place.</summary>
    internal ulong StructureKey => (ulong)_contexts[_current].StructureGeneration << (_generationShift == 52 ? 44 : 53);

    /// <summary>The leaf-table cache in which this numbers generations.</summary>
    internal LeafTableCache LeafTables { get; } = new();

    /// <summary>The entries of a row in the current context's bank; never null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong* Row(int row) => _view->Row(row);

    /// <summary>The attributes beside an entry: page size in bits 15:8, rights in 23:16, PAT index in 31:24.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Attributes(ulong* row, nuint slot) => ((uint*)(row + Slots))[slot];

    /// <summary>The slot of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint SlotOf(ulong linear) => (nuint)(linear >> 12) & (Slots - 1);

    /// <summary>The tag of an address, without generation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong TagOf(ulong linear) => (linear << (FrameBits - TagShift)) & (ulong.MaxValue << FrameBits);

    /// <summary>Sets the width of tags for a paging mode. Everything must be forgotten when it changes.</summary>
    /// <param name="linearWidth">57 with five-level paging, else 48 or less.</param>
    internal void SetLinearWidth(int linearWidth)
    {
        int shift = linearWidth > 48 ? 60 : 52;
        if (shift == _generationShift) return;
        _generationShift = shift;
        _lastGeneration = (1u << (64 - shift)) - 1;
        ForgetAll();
        Wipe();
    }

    /// <summary>Makes the context of a fingerprint the current one. Some nanoseconds; forgets nothing.</summary>
    internal void Enter(FastFingerprint fingerprint)
    {
        int found = -1;
        if (_contexts[_current].Generation != 0 && _contexts[_current].Fingerprint == fingerprint) found = _current;
        // What toggles (AC, keys, two address spaces) comes back to where it was before.
        else if (_contexts[_previous].Generation != 0 && _contexts[_previous].Fingerprint == fingerprint) found = _previous;
        for (int i = 0; found < 0 && i < FastContexts.Count; i++)
        {
            if (_contexts[i].Generation != 0 && _contexts[i].Fingerprint == fingerprint) found = i;
        }

        if (found < 0)
        {
            for (int i = 0; found < 0 && i < FastContexts.Count; i++)
            {
                if (_contexts[i].Generation == 0) found = i;
            }

            if (found < 0)
            {
                _lastReplaced = (_lastReplaced + 1) % FastContexts.Count;
                if (_lastReplaced == _current) _lastReplaced = (_lastReplaced + 1) % FastContexts.Count;
                found = _lastReplaced;
            }

            _contexts[found].Generation = 0;
            uint generation = TakeGeneration();
            _contexts[found] = new FastContext
            {
                Fingerprint = fingerprint,
                Generation = generation,
                StructureGeneration = TakeStructureGeneration(),
            };
        }

        if (found != _current) _previous = _current;
        _current = found;
        _view->Key = (ulong)_contexts[found].Generation << _generationShift;
        PointRows();
    }

    /// <summary>Puts a page that an access was permitted to use into the row of that access.</summary>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="linear">Any address inside the 4-KiB page; canonical.</param>
    /// <param name="physical">Its physical address, in RAM, below <see cref="FrameLimit"/>.</param>
    /// <param name="size">The page it is part of.</param>
    /// <param name="rights">What the path allows.</param>
    /// <param name="patIndex">PAT index of the leaf.</param>
    internal void Insert(int row, ulong linear, ulong physical, PageSize size, Rights rights, int patIndex)
    {
        Insert(row, linear, physical, Translation.AttributesOf(size, rights, patIndex));
        if (size > PageSize.Size4K) NoteLarge(linear, size);
    }

    /// <summary>As the other; what is part of a large page must have been noted (<see cref="NoteLarge"/>).</summary>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="linear">Any address inside the 4-KiB page; canonical.</param>
    /// <param name="physical">Its physical address, in RAM, below <see cref="FrameLimit"/>.</param>
    /// <param name="attributes">From <see cref="Translation.AttributesOf"/>.</param>
    internal void Insert(int row, ulong linear, ulong physical, uint attributes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ulong* table = Row(row);
        if (table == (ulong*)Empty) table = Allocate(row);
        nuint slot = SlotOf(linear);
        table[slot] = TagOf(linear) ^ Key ^ (physical >> 12);
        ((uint*)(table + Slots))[slot] = attributes;
    }

    /// <summary>Forgets the page of any size that holds an address: of one PCID, and global pages of all.</summary>
    /// <param name="linear">A canonical address.</param>
    /// <param name="pcid">The PCID.</param>
    /// <param name="globals">Whether global pages go too, as INVLPG asks and INVPCID type 0 does not.</param>
    /// <param name="structures">
    /// Whether the tables on the way are forgotten too, all those of the PCID, as INVLPG asks. A page fault asks for those of the address alone.
    /// </param>
    internal void ForgetPage(ulong linear, int pcid, bool globals, bool structures)
    {
        // A gigabyte's page may have been remembered for any region in it.
        structures |= _hugeSeen;
        if (!structures) LeafTables.ForgetRegion(linear);
        int scope = !IsLargeRegion(linear) ? 12 : _hugeSeen ? 30 : _fourMegabytesSeen ? 22 : 21;
        for (int i = 0; i < FastContexts.Count; i++)
        {
            ref FastContext context = ref _contexts[i];
            if (context.Generation == 0) continue;
            bool own = context.Fingerprint.Pcid == pcid;
            if (own && structures) context.StructureGeneration = TakeStructureGeneration();
            if (!own && !globals) continue;
            ulong key = (ulong)context.Generation << _generationShift;
            for (int row = 0; row < Rows; row++)
            {
                ulong* table = (ulong*)_tables[(row * Banks) + (int)(context.Generation % Banks)];
                if (table != null) ForgetIn(table, linear, key, scope, onlyGlobal: !own);
            }
        }
    }

    /// <summary>Forgets a frame wherever it may be written, under any address and in every context. As long as some microseconds: all slots are looked at.</summary>
    /// <param name="frame">The number of the frame, below 2^28.</param>
    internal void ForgetWrites(ulong frame)
    {
        ReadOnlySpan<Access> writes = [Access.Write, Access.ShadowStackWrite];
        foreach (Access access in writes)
        {
            int first = PermissionTable.RowOf(access, default) * Banks;
            foreach (nint table in _tables.AsSpan(first, 3 * Banks))
            {
                if (table != 0) ForgetFrameIn((ulong*)table, frame);
            }
        }
    }

    /// <summary>Forgets everything of a PCID, its global pages too, as it may at any time. O(1).</summary>
    internal void ForgetPcid(int pcid)
    {
        for (int i = 0; i < FastContexts.Count; i++)
        {
            if (_contexts[i].Generation != 0 && _contexts[i].Fingerprint.Pcid == pcid) _contexts[i].Generation = 0;
        }

        Enter(_contexts[_current].Fingerprint);
    }

    /// <summary>Forgets everything. O(1).</summary>
    internal void ForgetAll()
    {
        for (int i = 0; i < FastContexts.Count; i++) _contexts[i].Generation = 0;
        Enter(_contexts[_current].Fingerprint);
    }

    /// <summary>Forgets everything by clearing the memory: nothing hits any more under any key that somebody may still hold.</summary>
    internal void Wipe()
    {
        foreach (nint table in _tables)
        {
            if (table != 0) NativeMemory.Clear((void*)table, TableBytes);
        }

        Array.Clear(_largeRegions);
        _hugeSeen = _fourMegabytesSeen = false;
        LeafTables.Wipe();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FreeTables();
        PointRows();
        LeafTables.Dispose();
        GC.SuppressFinalize(this);
    }

    private void FreeTables()
    {
        _disposed = true;
        foreach (ref nint table in _tables.AsSpan())
        {
            NativeMemory.AlignedFree((void*)table);
            table = 0;
        }
    }

    private void PointRows()
    {
        int bank = (int)(_contexts[_current].Generation % Banks);
        for (int row = 0; row < Rows; row++)
        {
            nint table = _tables[(row * Banks) + bank];
            _view->Rows[row] = (ulong)(table != 0 ? table : (nint)Empty);
        }
    }

    private ulong* Allocate(int row)
    {
        byte* table = AllocateZeroed();
        _tables[(row * Banks) + (int)(_contexts[_current].Generation % Banks)] = (nint)table;
        _view->Rows[row] = (ulong)table;
        return (ulong*)table;
    }

    private static byte* AllocateZeroed()
    {
        byte* table = (byte*)NativeMemory.AlignedAlloc(TableBytes, 64);
        NativeMemory.Clear(table, TableBytes);
        return table;
    }

    private uint TakeGeneration()
    {
        if (_nextGeneration > _lastGeneration)
        {
            // Numbers begin again: no entry of an earlier one may remain, and no context may keep one.
            Wipe();
            _nextGeneration = 1;
            for (int i = 0; i < FastContexts.Count; i++) _contexts[i].Generation = 0;
        }

        return _nextGeneration++;
    }

    private uint TakeStructureGeneration()
    {
        // Twenty bits of generation above 48-bit linear addresses, eleven above 57-bit ones.
        if (_nextStructureGeneration >> (_generationShift == 52 ? 20 : 11) != 0)
        {
            LeafTables.Wipe();
            _nextStructureGeneration = 1;
            for (int i = 0; i < FastContexts.Count; i++) _contexts[i].StructureGeneration = _nextStructureGeneration++;
        }

        return _nextStructureGeneration++;
    }

    /// <summary>Notes that a part of a large page is remembered, so that forgetting any address of it looks for all parts.</summary>
    internal void NoteLarge(ulong linear, PageSize size)
    {
        uint hash = RegionHash(linear);
        _largeRegions[hash >> 6] |= 1UL << (int)(hash & 63);
        _hugeSeen |= size == PageSize.Size1G;
        _fourMegabytesSeen |= size == PageSize.Size4M;
    }

    // A 4-MiB page is two regions, and any page of a gigabyte may have been noted in another region of it.
    private bool IsLargeRegion(ulong linear)
    {
        if (_hugeSeen) return true;
        uint hash = RegionHash(linear), other = RegionHash(linear ^ (1UL << 21));
        return (_largeRegions[hash >> 6] >> (int)(hash & 63) & 1) != 0 || (_largeRegions[other >> 6] >> (int)(other & 63) & 1) != 0;
    }

    private static uint RegionHash(ulong linear) => (uint)((linear >> 21) * 0x9e37_79b9_7f4a_7c15UL >> 52);

    private static void ForgetIn(ulong* table, ulong linear, ulong key, int scope, bool onlyGlobal)
    {
        uint* attributes = (uint*)(table + Slots);
        nuint slot = SlotOf(linear);
        ulong x = table[slot] ^ TagOf(linear) ^ key;
        if (x >> FrameBits == 0 && (!onlyGlobal || IsGlobal(attributes[slot]))) table[slot] = 0;
        if (scope == 12) return;

        // Slots of one 4-MiB region are neighbours and have one tag; a gigabyte goes round the table.
        bool huge = scope == 30;
        ulong start = huge ? 0 : SlotOf(linear & ~((1UL << scope) - 1));
        ulong count = huge ? Slots : 1UL << (scope - 12);
        Vector256<ulong> tag = Vector256.Create(TagOf(linear) ^ key);
        Vector256<ulong> tagMask = Vector256.Create(~LastFrame);
        for (ulong i = start; i < start + count; i++)
        {
            // Where almost nothing is found, eight entries cost one branch.
            if (!huge && i % 8 == 0)
            {
                Vector256<ulong> first = (Vector256.Load(table + i) ^ tag) & tagMask, second = (Vector256.Load(table + i + 4) ^ tag) & tagMask;
                if (!Vector256.EqualsAny(Vector256.Min(first, second), Vector256<ulong>.Zero))
                {
                    i += 7;
                    continue;
                }
            }

            ulong entry = table[i];
            if (entry == 0) continue;
            int shift = (int)(attributes[i] >> 8) & 0xff;
            if (shift <= 12 || (onlyGlobal && !IsGlobal(attributes[i]))) continue;
            // An entry of another context differs in the generation, which is where the sign of the address is.
            ulong page = ((entry ^ key) >> FrameBits << SlotBits) | i;
            if ((page ^ ((linear >> 12) & ((1UL << 49) - 1))) >> (shift - 12) == 0) table[i] = 0;
        }
    }

    private static void ForgetFrameIn(ulong* table, ulong frame)
    {
        Vector256<ulong> wanted = Vector256.Create(frame), mask = Vector256.Create(LastFrame);
        for (int i = 0; i < Slots; i += 8)
        {
            Vector256<ulong> first = (Vector256.Load(table + i) ^ wanted) & mask, second = (Vector256.Load(table + i + 4) ^ wanted) & mask;
            if (!Vector256.EqualsAny(Vector256.Min(first, second), Vector256<ulong>.Zero)) continue;
            for (int slot = i; slot < i + 8; slot++)
            {
                if (((table[slot] ^ frame) & LastFrame) == 0) table[slot] = 0;
            }
        }
    }

    private static bool IsGlobal(uint attributes) => ((Rights)(byte)(attributes >> 16) & Rights.Global) != 0;
}
