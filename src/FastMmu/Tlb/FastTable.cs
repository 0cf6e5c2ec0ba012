using System.Numerics;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Tlb;

/// <summary>
/// The table in front of the TLB: one entry for a 4-KiB page that an access of one kind may use without any question. Direct-mapped, in native
/// memory, in two forms that are filled each by its own misses: <see cref="AddendTable"/> for single accesses, <see cref="PackedTable"/> for batches.
/// </summary>
/// <remarks>
/// <para>There is a table for each kind of access and privilege (<see cref="PermissionTable.RowOf"/>), and an entry is put into it only
/// after the access was permitted under the context whose generation it carries.</para>
/// <para>Forgetting a context is taking a new generation number; when the numbers run out, the tables are cleared.</para>
/// <para>Owned by one virtual CPU; not thread-safe.</para>
/// </remarks>
internal sealed unsafe partial class FastTable : IDisposable
{
    internal const int SlotBits = 13;
    internal const int Slots = 1 << SlotBits;
    internal const ulong FrameLimit = 1UL << (12 + PackedTable.FrameBits);
    internal const int Rows = 15;
    internal const int Banks = 4;

    private const ulong Mixer = 0x9e37_79b9_7f4a_7c15;

    // Three privileges each.
    private const uint WriteRows = (7u << (3 * (int)Access.Write)) | (7u << (3 * (int)Access.ShadowStackWrite));

    // Linear addresses of 2-MiB regions of which some page came from a larger page: whether an INVLPG must look at a whole region.
    private readonly ulong[] _largeRegions = new ulong[64];

    // The same for regions of a gigabyte.
    private readonly ulong[] _hugeRegions = new ulong[64];
    private readonly FastRows _addends = new(AddendTable.Bytes), _packed = new(PackedTable.Bytes);
    private readonly FastViewMemory _viewMemory = new();
    private readonly FastView* _view;
    private FastContexts _contexts;
    private int _current;
    private int _previous;
    private int _lastReplaced;
    // No context from here on was ever used.
    private int _used;
    private uint _nextGeneration = 1;
    private uint _nextStructureGeneration = 1;
    private uint _lastGeneration = (1 << 12) - 1;
    private int _generationShift = 52;
    private bool _hugeSeen, _fourMegabytesSeen;

    internal FastTable()
    {
        _view = _viewMemory.View;
        PointRows();
    }

    /// <summary>What a probe reads.</summary>
    internal FastView* View => _view;

    /// <summary>The leaf-table cache in which this numbers generations.</summary>
    internal LeafTableCache LeafTables { get; } = new();

    /// <summary>The attributes that are remembered beside a page: page size in bits 15:8, rights in 23:16, PAT index in 31:24.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Attributes(byte* table, nuint slot) => ((uint*)(table + AddendTable.Attributes))[slot];

    /// <summary>The slot of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint SlotOf(ulong linear) => (nuint)(linear >> 12) & (Slots - 1);

    /// <summary>Whether attributes are those of a global page.</summary>
    internal static bool IsGlobal(uint attributes) => ((Rights)(byte)(attributes >> 16) & Rights.Global) != 0;

    /// <summary>Sets the width of tags for a paging mode. Everything must be forgotten when it changes.</summary>
    /// <param name="linearWidth">57 with five-level paging, else 48 or less.</param>
    internal void SetLinearWidth(int linearWidth)
    {
        int shift = linearWidth > PackedTable.LinearBits ? 60 : 52;
        if (shift == _generationShift) return;
        _generationShift = shift;
        _lastGeneration = (1u << (64 - shift)) - 1;
        ForgetAll();
        Wipe();
    }

    /// <summary>What the current context stands for.</summary>
    internal FastFingerprint Fingerprint => _contexts[_current].Fingerprint;

    /// <summary>Makes the context of a fingerprint the current one. Some nanoseconds; forgets nothing.</summary>
    internal void Enter(FastFingerprint fingerprint)
    {
        int found = -1;
        // What toggles (AC, keys, two address spaces) comes back to where it was before.
        if (_contexts[_previous].Generation != 0 && _contexts[_previous].Fingerprint == fingerprint) found = _previous;
        else if (_contexts[_current].Generation != 0 && _contexts[_current].Fingerprint == fingerprint) return;
        for (int i = 0; found < 0 && i < _used; i++)
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
        _used = Math.Max(_used, found + 1);
        PointRows();
    }

    /// <summary>Puts a page that an access was permitted to use into the row of that access, for single accesses.</summary>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="linear">Any address inside the 4-KiB page; canonical. What is part of a large page must have been noted (<see cref="NoteLarge"/>).</param>
    /// <param name="physical">Its physical address, in RAM, below <see cref="FrameLimit"/>.</param>
    /// <param name="attributes">From <see cref="Translation.AttributesOf"/>.</param>
    internal void Insert(int row, ulong linear, ulong physical, uint attributes)
    {
        byte* table = (byte*)_view->Rows[row];
        if (FastRows.IsEmpty(table)) table = Make(_addends, row);
        AddendTable.Insert(table, linear, _view->Generation, physical, attributes);
    }

    /// <summary>As <see cref="Insert"/>, for batches.</summary>
    /// <param name="row">The row of access and privilege.</param>
    /// <param name="linear">Any address inside the 4-KiB page; canonical. What is part of a large page must have been noted (<see cref="NoteLarge"/>).</param>
    /// <param name="physical">Its physical address, in RAM, below <see cref="FrameLimit"/>.</param>
    /// <param name="attributes">From <see cref="Translation.AttributesOf"/>.</param>
    internal void InsertPacked(int row, ulong linear, ulong physical, uint attributes)
    {
        byte* table = (byte*)_view->PackedRows[row];
        if (FastRows.IsEmpty(table)) table = Make(_packed, row);
        PackedTable.Insert(table, linear, _view->PackedKey, physical, attributes);
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
        bool huge = IsHugeRegion(linear);
        structures |= huge;
        if (!structures) LeafTables.ForgetRegion(linear);
        int scope = huge ? 30 : !IsLargeRegion(linear) ? 12 : _fourMegabytesSeen ? 22 : 21;
        for (int i = 0; i < _used; i++)
        {
            ref FastContext context = ref _contexts[i];
            if (context.Generation == 0) continue;
            bool own = context.Fingerprint.Pcid == pcid;
            if (own && structures) context.StructureGeneration = TakeStructureGeneration();
            if (!own && !globals) continue;
            int bank = BankOf(context.Generation);
            for (uint left = _addends.Made(bank); left != 0; left &= left - 1)
            {
                byte* table = _addends.Row(bank, BitOperations.TrailingZeroCount(left));
                AddendTable.Forget(table, linear, context.Generation, scope, onlyGlobal: !own);
            }

            for (uint left = _packed.Made(bank); left != 0; left &= left - 1)
            {
                byte* table = _packed.Row(bank, BitOperations.TrailingZeroCount(left));
                PackedTable.Forget(table, linear, PackedKeyOf(context.Generation), scope, onlyGlobal: !own);
            }
        }

        if (structures) _view->StructureKey = StructureKeyOf(in _contexts[_current]);
    }

    /// <summary>Forgets a frame wherever it may be written, under any address and in every context. As long as some microseconds: all slots are looked at.</summary>
    /// <param name="frame">The number of the frame, below 2^28.</param>
    internal void ForgetWrites(ulong frame)
    {
        for (int bank = 0; bank < Banks; bank++)
        {
            for (uint left = _addends.Made(bank) & WriteRows; left != 0; left &= left - 1)
            {
                AddendTable.ForgetFrame(_addends.Row(bank, BitOperations.TrailingZeroCount(left)), frame);
            }

            for (uint left = _packed.Made(bank) & WriteRows; left != 0; left &= left - 1)
            {
                PackedTable.ForgetFrame(_packed.Row(bank, BitOperations.TrailingZeroCount(left)), frame);
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
        _addends.Wipe();
        _packed.Wipe();
        Array.Clear(_largeRegions);
        Array.Clear(_hugeRegions);
        _hugeSeen = _fourMegabytesSeen = false;
        LeafTables.Wipe();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _addends.Release();
        _packed.Release();
        PointRows();
        LeafTables.Dispose();
    }

    private static int BankOf(uint generation) => (int)(generation % Banks);

    private ulong PackedKeyOf(uint generation) => (ulong)generation << _generationShift;

    private ulong StructureKeyOf(in FastContext context) => (ulong)context.StructureGeneration << (_generationShift == 52 ? 44 : 53);

    private void PointRows()
    {
        ref FastContext context = ref _contexts[_current];
        _view->Generation = context.Generation;
        _view->PackedKey = PackedKeyOf(context.Generation);
        _view->StructureKey = StructureKeyOf(in context);
        int bank = BankOf(context.Generation);
        _addends.CopyTo(bank, _view->Rows);
        _packed.CopyTo(bank, _view->PackedRows);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* Make(FastRows rows, int row)
    {
        byte* table = rows.Make(BankOf(_contexts[_current].Generation), row);
        PointRows();
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
        if (size == PageSize.Size1G) Set(_hugeRegions, HugeHash(linear));
        else Set(_largeRegions, RegionHash(linear));
        _hugeSeen |= size == PageSize.Size1G;
        _fourMegabytesSeen |= size == PageSize.Size4M;
    }

    // A 4-MiB page is two regions.
    private bool IsLargeRegion(ulong linear) =>
        Has(_largeRegions, RegionHash(linear)) || (_fourMegabytesSeen && Has(_largeRegions, RegionHash(linear ^ (1UL << 21))));

    // Guests map their RAM by such pages and invalidate elsewhere: only what may be part of one pays for looking at everything.
    private bool IsHugeRegion(ulong linear) => _hugeSeen && Has(_hugeRegions, HugeHash(linear));

    private static void Set(ulong[] bits, uint hash) => bits[hash >> 6] |= 1UL << (int)(hash & 63);

    private static bool Has(ulong[] bits, uint hash) => (bits[hash >> 6] >> (int)(hash & 63) & 1) != 0;

    private static uint RegionHash(ulong linear) => (uint)((linear >> 21) * Mixer >> 52);

    private static uint HugeHash(ulong linear) => (uint)((linear >> 30) * Mixer >> 52);
}
