using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>
/// Batches. A block of addresses is probed in the fast table by vectors; what misses is looked up in the leaf-table cache and its leaf
/// entries are prefetched together, then read; what is left, faults among it, goes to the walker one by one.
/// </content>
public sealed unsafe partial class Mmu
{
    private const int BlockLength = 256;

    // Leaf entries under way at once: more than the processor's miss buffers hold is of no use, fewer leaves them idle.
    private const int PrefetchDistance = 32;

    // After a block of which less than a quarter hit, this many blocks go to the tables without a probe.
    private const int BlocksWithoutProbe = 15;

    // How many of the blocks that mostly miss put what they find into the fast table: enough for a working set that fits to get in.
    private const int SampledBlocks = 8;

    private int _blocksWithoutProbe;
    private uint _missingBlocks;

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
    /// invalidated, gives. What the fault of one lane drops from the caches may still have answered another.
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
                    BatchKernel.Avx512 => TranslateBlocks<Avx512Probe>(source, destination, linear.Length, access, privilege),
                    BatchKernel.Avx2 => TranslateBlocks<Avx2Probe>(source, destination, linear.Length, access, privilege),
                    _ => TranslateBlocks<ScalarProbe>(source, destination, linear.Length, access, privilege),
                };
            }
        }
    }

    // No paging, 32-bit paging, LAM, LASS, statistics: what the vectors do not know.
    private BatchResult TranslateOneByOne(ReadOnlySpan<ulong> linear, Span<ulong> physical, Access access, Privilege privilege)
    {
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

    private BatchResult TranslateBlocks<TKernel>(ulong* linear, ulong* physical, int length, Access access, Privilege privilege)
        where TKernel : struct, IProbeKernel
    {
        byte* missed = stackalloc byte[BlockLength];
        nuint* entries = stackalloc nuint[BlockLength];
        var batch = new BatchState(new LeafRule(in _context, access, privilege), access, privilege);
        for (int start = 0; start < length; start += BlockLength)
        {
            int count = Math.Min(BlockLength, length - start);
            batch.Start = start;
            batch.Linear = linear + start;
            batch.Physical = physical + start;
            if (_blocksWithoutProbe > 0 && batch.Rule.Exists)
            {
                _blocksWithoutProbe--;
                ReadLeaves(ref batch, count, entries);
                continue;
            }

            // Rows and keys are read anew for each block: the scalar path may have changed them.
            ulong* row = _fast.Row(batch.Row);
            var probe = new ProbeState(_fast.Key, _signBias, _signMask);
            int whole = count - (count % TKernel.Width);
            int misses = TKernel.Probe(batch.Linear, batch.Physical, whole, row, in probe, missed);
            if (whole < count)
            {
                int late = ScalarProbe.Probe(batch.Linear + whole, batch.Physical + whole, count - whole, row, in probe, missed + misses);
                for (int i = misses; i < misses + late; i++) missed[i] += (byte)whole;
                misses += late;
            }

            if (misses != 0) FillMissed(ref batch, count, missed, misses, entries);
        }

        return new(length - batch.Faulted, batch.Faulted, batch.FirstFault);
    }

    // Some of a block missed: their leaf entries are asked for together, then read; what is found goes into the fast table.
    private void FillMissed(ref BatchState batch, int count, byte* missed, int misses, nuint* entries)
    {
        bool mostlyMissing = misses > count - (count / 4);
        bool remember = !mostlyMissing || _missingBlocks++ % SampledBlocks == 0;
        if (mostlyMissing && !remember) _blocksWithoutProbe = BlocksWithoutProbe;
        ulong* tables = batch.Rule.Exists ? _fast.LeafTables.Row(batch.Row) : null;
        ulong key = _fast.StructureKey;
        for (int i = 0; i < misses; i++)
        {
            entries[i] = tables == null ? 0 : Ask(batch.Physical[missed[i]], tables, key);
        }

        for (int i = 0; i < misses; i++)
        {
            int lane = missed[i];
            ulong address = batch.Physical[lane];
            nuint entry = entries[i];
            if (entry > LargePage)
            {
                ulong raw = *(ulong*)entry;
                if ((raw & batch.Rule.Mask) == batch.Rule.Expected)
                {
                    ulong found = (raw & EntryBits.Frame64) | (address & 0xfff);
                    batch.Physical[lane] = found;
                    if (remember) RememberLeaf(in batch, address, raw, found, key);
                    continue;
                }
            }
            else if (entry == LargePage && !remember && TryFindInLargePage(address, tables, key, out ulong inside))
            {
                batch.Physical[lane] = inside;
                continue;
            }

            // Also large pages to be remembered: the walker knows all attributes of the part that goes into the fast table.
            if (TranslateLane(ref batch, lane, address, remember) || tables == null) continue;
            // The fault dropped what was remembered for its address, and what was asked for before must not outlive that.
            key = _fast.StructureKey;
            for (int later = i + 1; later < misses; later++) entries[later] = Ask(batch.Physical[missed[later]], tables, key);
        }
    }

    // A block that is expected to miss: leaf entries are asked for ahead of their turn, and read in order.
    private void ReadLeaves(ref BatchState batch, int count, nuint* entries)
    {
        ulong* tables = _fast.LeafTables.Row(batch.Row);
        ulong key = _fast.StructureKey;
        ulong mask = batch.Rule.Mask, expected = batch.Rule.Expected;
        ulong* linear = batch.Linear;
        ulong* physical = batch.Physical;
        int ahead = Math.Min(PrefetchDistance, count);
        for (int i = 0; i < ahead; i++) entries[i] = Ask(linear[i], tables, key);
        for (int i = 0; i < count; i++)
        {
            if (i + PrefetchDistance < count) entries[i + PrefetchDistance] = Ask(linear[i + PrefetchDistance], tables, key);
            nuint entry = entries[i];
            ulong address = linear[i];
            if (entry > LargePage)
            {
                ulong raw = *(ulong*)entry;
                if ((raw & mask) == expected)
                {
                    physical[i] = (raw & EntryBits.Frame64) | (address & 0xfff);
                    continue;
                }
            }
            else if (entry == LargePage && TryFindInLargePage(address, tables, key, out ulong inside))
            {
                physical[i] = inside;
                continue;
            }

            if (TranslateLane(ref batch, i, address, remember: false)) continue;
            key = _fast.StructureKey;
            for (int later = i + 1; later < Math.Min(count, i + PrefetchDistance + 1); later++) entries[later] = Ask(linear[later], tables, key);
        }
    }

    private const nuint LargePage = 1;

    // The host address of an address's leaf entry, prefetched; LargePage if the table cache has the page itself; 0 if it knows nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nuint Ask(ulong address, ulong* tables, ulong key)
    {
        ulong data = tables[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ key;
        if (((data >> 32) | ((address + _signBias) & _signMask)) != 0) return 0;
        if ((data & LeafTableCache.LargeBit) != 0) return LargePage;
        byte* entry = _base + ((data & LeafTableCache.FrameMask) << 12) + ((address >> 9) & 0xff8);
        if (Sse.IsSupported) Sse.Prefetch0(entry);
        return (nuint)entry;
    }

    // Asked again rather than kept: a load that is certainly in the first-level cache. A lane between may have replaced it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFindInLargePage(ulong address, ulong* tables, ulong key, out ulong physical)
    {
        ulong data = tables[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ key;
        physical = ((data & LeafTableCache.FrameMask) << 12) + (address & ((1 << 21) - 1));
        return data >> 32 == 0 && (data & LeafTableCache.LargeBit) != 0;
    }

    private void RememberLeaf(in BatchState batch, ulong address, ulong raw, ulong found, ulong key)
    {
        if (!_memory.IsWindowRam(found & ~0xfffUL)) return;
        ulong data = _fast.LeafTables.Row(batch.Row)[LeafTableCache.SlotOf(address)] ^ LeafTableCache.TagOf(address) ^ key;
        // An earlier lane may have taken the slot for another region; then the rights above are not known here, and a later visit stores the page.
        if (data >> 32 != 0 || (data & LeafTableCache.LargeBit) != 0) return;
        int above = (int)(data >> LeafTableCache.RightsShift) & 7;
        bool global = _context.GlobalPages && (raw & EntryBits.Global) != 0;
        int path = PathRights.Through(above, raw);
        if (_context.IsShadowStack(above, raw)) path |= PathRights.ShadowStack;
        Paging.Rights rights = PathRights.ToRights(path, global);
        _fast.Insert(batch.Row, address, found, PageSize.Size4K, rights, PageWalker<Paging4Level>.PatIndexOf(raw, large: false));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TranslateLane(ref BatchState batch, int lane, ulong address, bool remember)
    {
        Translation translation;
        if (remember)
        {
            translation = TranslateSlowly(address, batch.Access, batch.Privilege, stack: false);
        }
        else
        {
            ulong prepared = address;
            TlbAccess kind = batch.Access == Access.Execute ? TlbAccess.Instruction : TlbAccess.Data;
            translation = _rules.TryPrepare(ref prepared, batch.Access, batch.Privilege, stack: false, out MmuFault fault)
                ? WalkAndCache(prepared, batch.Access, batch.Privilege, kind)
                : new(fault);
        }

        if (translation.Ok)
        {
            batch.Physical[lane] = translation.Physical.Value;
            return true;
        }

        batch.Physical[lane] = BatchResult.FaultedLane;
        if (batch.Faulted++ == 0) batch.FirstFault = batch.Start + lane;
        return false;
    }

    // After a walk that succeeded: the region's page table, or the large page it lies in, for the row of the access, if batches use that row.
    private void RememberRegion(ulong linear, Access access, Privilege privilege, in WalkPath path, int above, in WalkResult result)
    {
        ulong* tables = _fast.LeafTables.RowInUse(PermissionTable.RowOf(access, privilege));
        if (tables == null || !_fastUsable || !_context.State.Efer.Lma) return;
        var rule = new LeafRule(in _context, access, privilege);
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

        LeafTableCache.Insert(tables, linear, _fast.StructureKey, data);
    }

    private ref struct BatchState
    {
        internal readonly LeafRule Rule;
        internal readonly Access Access;
        internal readonly Privilege Privilege;
        internal readonly int Row;
        internal ulong* Linear;
        internal ulong* Physical;
        internal int Start;
        internal int Faulted;
        internal int FirstFault;

        internal BatchState(LeafRule rule, Access access, Privilege privilege)
        {
            Rule = rule;
            Access = access;
            Privilege = privilege;
            Row = PermissionTable.RowOf(access, privilege);
            FirstFault = -1;
        }
    }
}
