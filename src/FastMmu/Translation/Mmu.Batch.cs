using System.Numerics;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>
/// Batches. Groups of addresses are probed in the fast table by vectors. Where most of them miss, they are looked up in the leaf-table cache
/// instead, and their leaf entries are prefetched one group ahead, then read; what is left, faults among it, is done one by one.
/// </content>
public sealed unsafe partial class Mmu
{
    private const int Group = IBatchKernel.Group;

    // What a group without a miss earns back of the budget of misses, and how many groups are walked when it is used up, before the fast
    // table is tried again: so many that the trial costs little of it.
    private const int HitCredit = Group / 2;
    private const int WalkGroups = 1 << 16;

    private int _probeBudget;
    private int _groupsToWalk;

    // Whether some lane was not answered by the fast table since this was last reset.
    private bool _batchMissed;

    /// <summary>Translates many addresses.</summary>
    /// <param name="linear">The addresses.</param>
    /// <param name="physical">
    /// Receives a physical address for each, or <see cref="BatchResult.FaultedLane"/>. Same length as <paramref name="linear"/>; the same memory,
    /// or memory that does not overlap.
    /// </param>
    /// <param name="access">What the accesses do.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <returns>How many lanes translated and faulted. CR2 is not touched; translate a faulted lane alone to learn its fault.</returns>
    /// <remarks>
    /// The lanes are independent accesses in no particular order: each gets an answer that the tables, or a translation cached and not yet
    /// invalidated, gives. The fault of a lane is one that the tables contain at that moment; it is reported and not delivered, so nothing
    /// need be dropped from the caches, as a page fault would.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length or overlap partly; nothing was written.</exception>
    /// <example><code>
    /// ulong[] linear = { 0x1000, 0x1ff8, 0x2008, 0x3000 };
    /// ulong[] physical = new ulong[4];
    /// BatchResult result = mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
    /// Console.WriteLine(result);                              // BatchResult { Translated = 3, Faulted = 1, FirstFault = 3 }
    /// Console.WriteLine(physical[2].ToString("x"));           // 201008
    /// Console.WriteLine(physical[3] == BatchResult.FaultedLane);          // True
    /// Console.WriteLine(mmu.Translate(linear[3], Access.Read, Privilege.User));   // #PF(U) at 0x3000: not present at level 1
    /// </code></example>
    public BatchResult TranslateBatch(ReadOnlySpan<ulong> linear, Span<ulong> physical, Access access, Privilege privilege)
    {
        if (linear.Length != physical.Length) throw new ArgumentException("The spans differ in length.", nameof(physical));
        if (linear.Overlaps(physical, out int distance) && distance != 0) throw new ArgumentException("The spans overlap partly.", nameof(physical));
        if (!_fastUsable || !_context.State.Efer.Lma) return TranslateOneByOne(linear, physical, access, privilege);
        fixed (ulong* source = linear)
        {
            fixed (ulong* destination = physical)
            {
                return Options.Kernel switch
                {
                    BatchKernel.Avx512 => TranslateGroups<Avx512Kernel>(source, destination, linear.Length, access, privilege),
                    BatchKernel.Avx2 => TranslateGroups<Avx2Kernel>(source, destination, linear.Length, access, privilege),
                    _ => TranslateGroups<ScalarKernel>(source, destination, linear.Length, access, privilege),
                };
            }
        }
    }

    // No paging, 32-bit paging, LAM, LASS, statistics, an observer: what the vectors do not know.
    private BatchResult TranslateOneByOne(ReadOnlySpan<ulong> linear, Span<ulong> physical, Access access, Privilege privilege)
    {
        _batchMissed = true;
        if (_walker is null) return TranslateUnpaged(linear, physical);
        int faulted = 0, first = -1;
        for (int i = 0; i < linear.Length; i++)
        {
            Translation translation = TranslateCore(linear[i], access, privilege, stack: false);
            if (translation.Ok)
            {
                physical[i] = translation.Physical.Value;
                continue;
            }

            physical[i] = BatchResult.FaultedLane;
            if (faulted++ == 0) first = i;
        }

        return new(linear.Length - faulted, faulted, first);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private BatchResult TranslateGroups<TKernel>(ulong* linear, ulong* physical, int length, Access access, Privilege privilege)
        where TKernel : struct, IBatchKernel
    {
        var batch = new BatchState(in RuleOf(PermissionTable.RowOf(access, privilege), access, privilege), access, privilege)
        {
            Linear = linear,
            Physical = physical,
        };
        if (batch.Rule.Exists) batch.Tables = _fast.LeafTables.Row(batch.Row);
        int groups = length / Group;
        for (int group = 0; group < groups;)
        {
            if (_groupsToWalk == 0 || !batch.Rule.Exists)
            {
                group = ProbeGroups<TKernel>(ref batch, group, groups);
            }
            else
            {
                int end = (int)Math.Min(groups, (long)group + _groupsToWalk);
                _batchMissed = true;
                WalkRange<TKernel>(ref batch, group, end);
                _groupsToWalk -= end - group;
                group = end;
            }
        }

        ProbeState probe = Probe(in batch);
        for (int lane = groups * Group; lane < length; lane++)
        {
            ulong address = linear[lane];
            if (ScalarKernel.Probe(address, in probe, out ulong found) == 0)
            {
                physical[lane] = found;
                continue;
            }

            _batchMissed = true;
            TranslateLane(ref batch, lane, address, remember: true);
        }

        return new(length - batch.Faulted, batch.Faulted, batch.FirstFault);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ProbeState Probe(in BatchState batch) => new((ulong*)_view->PackedRows[batch.Row], _view->PackedKey, _view->SignBias, _view->SignMask);

    // Probes until the end, or until misses have used up the budget. Row and key are read anew after each group that missed: filling may have
    // changed them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int ProbeGroups<TKernel>(ref BatchState batch, int group, int groups)
        where TKernel : struct, IBatchKernel
    {
        while (true)
        {
            ProbeState probe = Probe(in batch);
            int first = group * Group;
            int hits = TKernel.ProbeGroups(batch.Linear + first, batch.Physical + first, groups - group, in probe, out uint missed);
            group += hits;
            _probeBudget = (int)Math.Min(Options.ProbeBudget, _probeBudget + ((long)hits * HitCredit)) - BitOperations.PopCount(missed);
            if (group == groups) return group;
            _batchMissed = true;
            first = group * Group;
            for (uint left = missed; left != 0; left &= left - 1)
            {
                int lane = first + BitOperations.TrailingZeroCount(left);
                ulong address = batch.Physical[lane];
                if (IsKnownFault(ref batch, address)) batch.Fault(lane);
                else TranslateLane(ref batch, lane, address, remember: true);
            }

            group++;
            if (_probeBudget <= 0)
            {
                _probeBudget = Options.ProbeBudget;
                _groupsToWalk = WalkGroups;
                return group;
            }
        }
    }

    // Without the fast table: its entries are not used again soon enough to be worth their filling.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WalkRange<TKernel>(ref BatchState batch, int group, int end)
        where TKernel : struct, IBatchKernel
    {
        byte* memory = stackalloc byte[WalkRing.Bytes];
        WalkRing* ring = WalkRing.In(memory, group);
        while (true)
        {
            // What is on its way in the ring was right when the batch began, whatever the lanes between drop.
            var walk = new WalkState(batch.Tables, _view->StructureKey, _view->SignBias, _view->SignMask, in batch.Rule, _base);
            group = TKernel.WalkGroups(batch.Linear, batch.Physical, group, end, in walk, ring, out uint missed);
            if (group == end) return;
            for (; missed != 0; missed &= missed - 1)
            {
                int lane = (group * Group) + BitOperations.TrailingZeroCount(missed);
                TranslateLane(ref batch, lane, batch.Physical[lane], remember: false);
            }

            group++;
        }
    }

    // Whether the leaf of an address is not present in a table whose way from the root this batch has looked at.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsKnownFault(ref BatchState batch, ulong address)
    {
        if (batch.Tables == null) return false;
        ulong data = batch.Tables[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ _view->StructureKey;
        if (((data >> 32) | (data & LeafTableCache.LargeBit) | ((address + _view->SignBias) & _view->SignMask)) != 0) return false;
        ulong frame = (data & LeafTableCache.FrameMask) << 12;
        return (Volatile.Read(ref *(ulong*)(_base + frame + ((address >> 9) & 0xff8))) & EntryBits.Present) == 0 && batch.WasConfirmed(address, frame);
    }

    // One lane that the vectors did not answer.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TranslateLane(ref BatchState batch, int lane, ulong address, bool remember)
    {
        if (batch.Tables != null)
        {
            ulong data = batch.Tables[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ _view->StructureKey;
            if (((address + _view->SignBias) & _view->SignMask) == 0 && (data >> 32 == 0 || (data = FindTable(address, in batch.Rule, batch.Tables)) != NoTable))
            {
                ulong frame = (data & LeafTableCache.FrameMask) << 12;
                if ((data & LeafTableCache.LargeBit) != 0)
                {
                    ulong found = frame | (address & LeafTableCache.LargeOffset);
                    batch.Physical[lane] = found;
                    if (remember && Admits(found, batch.Access) && !IsWatched(address, batch.Access))
                    {
                        _fast.InsertPacked(batch.Row, address, found, LeafTableCache.Attributes(batch.Tables, address));
                        AfterInsertion();
                    }

                    return;
                }

                ulong* leaf = (ulong*)(_base + frame + ((address >> 9) & 0xff8));
                ulong raw = Volatile.Read(ref *leaf);
                if (((raw ^ batch.Rule.Expected) & batch.Rule.Mask & ~(EntryBits.Accessed | EntryBits.Dirty)) == 0 && Mark(in batch.Rule, leaf, raw))
                {
                    ulong found = (raw & EntryBits.Frame64) | (address & 0xfff);
                    batch.Physical[lane] = found;
                    if (remember && Admits(found, batch.Access) && !IsWatched(address, batch.Access))
                    {
                        uint attributes = LeafAttributes(raw | batch.Rule.Expected, (int)(data >> LeafTableCache.RightsShift) & 7);
                        _fast.InsertPacked(batch.Row, address, found, attributes);
                        AfterInsertion();
                    }

                    return;
                }

                if ((raw & EntryBits.Present) == 0 && (batch.WasConfirmed(address, frame) || Confirm(ref batch, frame, address)))
                {
                    batch.Fault(lane);
                    return;
                }
            }
        }

        Translation translation;
        if (remember)
        {
            translation = TranslateByWalk<NoInterleavingPoints>(address, batch.Access, batch.Privilege, stack: false, batch.Row, packed: true);
        }
        else
        {
            ulong prepared = address;
            translation = _rules.TryPrepare(ref prepared, batch.Access, batch.Privilege, stack: false, out MmuFault fault)
                ? WalkAndCache(prepared, batch.Access, batch.Privilege, out _)
                : new(fault);
        }

        if (translation.Ok) batch.Physical[lane] = translation.Physical.Value;
        else batch.Fault(lane);
    }

    // Sets accessed, and dirty for a write, in a leaf that permits the access. False if somebody else changed it meanwhile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Mark(in LeafRule rule, ulong* leaf, ulong raw)
    {
        ulong marked = raw | rule.Expected;
        return marked == raw || Replace(leaf, raw, marked);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Replace(ulong* leaf, ulong raw, ulong marked) =>
        _memory.BeforeWindowWrite((ulong)((byte*)leaf - _base), sizeof(ulong)) && Interlocked.CompareExchange(ref *leaf, marked, raw) == raw;

    // Whether a walk from the root comes to a page table, or fails before it: then an entry of it that is not present is a fault for certain.
    private bool Confirm(ref BatchState batch, ulong table, ulong address)
    {
        ulong at = _context.Root;
        for (int level = _levels; level > 1; level--)
        {
            ulong raw = _memory.ReadEntry64(at + ((address >> (9 * level)) & 0xff8));
            if ((raw & EntryBits.Present) == 0) return true;
            if (_context.IsLargeLeaf(level, raw)) return false;
            at = raw & EntryBits.Frame64;
        }

        if (at != table) return false;
        batch.NoteConfirmed(address, table);
        return true;
    }

    // After a walk that succeeded: the region's page table, or the large page it lies in, for the row of the access, if batches use that row.
    private void RememberRegion(ulong linear, Access access, Privilege privilege, in WalkPath path, int above, in WalkResult result)
    {
        ulong* tables = _fast.LeafTables.RowInUse(PermissionTable.RowOf(access, privilege));
        if (tables == null || !_fastUsable || !_context.State.Efer.Lma) return;
        ref readonly LeafRule rule = ref RuleOf(PermissionTable.RowOf(access, privilege), access, privilege);
        if (!rule.Exists) return;
        uint data;
        if (result.PageSize == PageSize.Size4K)
        {
            ulong table = path[path.Count - 1].EntryAddress & ~0xfffUL;
            if (table >= FastTable.FrameLimit || !_memory.IsWindowRam(table) || !rule.AllowsAbove(above)) return;
            data = (uint)(table >> 12) | ((uint)above << LeafTableCache.RightsShift);
        }
        else
        {
            ulong frame = (result.Frame | (linear & (result.PageSize.Bytes() - 1))) & ~((1UL << 21) - 1);
            // INVLPG drops a global page for every PCID, and this cache forgets for one.
            if (frame >= FastTable.FrameLimit || (result.Global && _context.State.Cr4.Pcide) || result.Key != 0) return;
            _fast.NoteLarge(linear, result.PageSize);
            data = (uint)(frame >> 12) | LeafTableCache.LargeBit | ((uint)(result.Path & 7) << LeafTableCache.RightsShift);
        }

        uint attributes = Translation.AttributesOf(result.PageSize, PathRights.ToRights(result.Path, result.Global), result.PatIndex);
        LeafTableCache.Insert(tables, linear, _view->StructureKey, data, attributes);
    }

    private ref struct BatchState
    {
        private const int ConfirmedRegions = 8;

        internal readonly LeafRule Rule;
        internal readonly Access Access;
        internal readonly Privilege Privilege;
        internal readonly int Row;
        internal ulong* Linear;
        internal ulong* Physical;

        // The row of the leaf-table cache; null where there is no rule for leaves.
        internal ulong* Tables;
        internal int Faulted;
        internal int FirstFault;

        internal BatchState(in LeafRule rule, Access access, Privilege privilege)
        {
            Rule = rule;
            Access = access;
            Privilege = privilege;
            Row = PermissionTable.RowOf(access, privilege);
            FirstFault = -1;
        }

        // Regions whose way from the root was looked at during this batch, and the tables that it led to.
        private fixed ulong _regions[ConfirmedRegions];
        private fixed ulong _tables[ConfirmedRegions];

        // The low bit tells a table at physical address 0 from no table.
        internal bool WasConfirmed(ulong address, ulong table)
        {
            ulong region = address >> 21;
            return _regions[region % ConfirmedRegions] == region && _tables[region % ConfirmedRegions] == (table | 1);
        }

        internal void NoteConfirmed(ulong address, ulong table)
        {
            ulong region = address >> 21;
            _regions[region % ConfirmedRegions] = region;
            _tables[region % ConfirmedRegions] = table | 1;
        }

        // Lanes come here in their order.
        internal void Fault(int lane)
        {
            Physical[lane] = BatchResult.FaultedLane;
            if (Faulted++ == 0) FirstFault = lane;
        }
    }
}
