using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>
/// Misses that need no walker: the page table of the address is remembered, or lies at the end of a way without any question, and its leaf permits
/// the access. 64-bit paging only.
/// </content>
public sealed unsafe partial class Mmu
{
    // The rows whose rules RFLAGS.AC decides.
    private const uint ExemptedRows =
        (1u << (((int)Access.Read * 3) + (int)Privilege.Supervisor)) | (1u << (((int)Access.Write * 3) + (int)Privilege.Supervisor));

    private const ulong NoTable = ulong.MaxValue;

    private readonly LeafRule[] _leafRules = new LeafRule[FastTable.Rows];
    private uint _leafRulesKnown;
    private bool _leavesUsable;
    private int _levels;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsCanonical(ulong linear) => ((linear + _view->SignBias) & _view->SignMask) == 0;

    // Derived when it is asked for first after a register changed.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref readonly LeafRule RuleOf(int row, Access access, Privilege privilege)
    {
        if ((_leafRulesKnown >> row & 1) == 0) DeriveRule(row, access, privilege);
        return ref _leafRules[row];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DeriveRule(int row, Access access, Privilege privilege)
    {
        _leafRules[row] = new LeafRule(in _context, access, privilege);
        _leafRulesKnown |= 1u << row;
    }

    // False, and nothing is changed but what the walker may find marked already, where it must decide: faults, entries not accessed yet above the
    // leaf, pages of 1 GiB not met before, pages that may not enter the fast table.
    private bool TryTranslateByTable<TPoints>(ulong linear, Access access, Privilege privilege, out ulong physical, out uint attributes)
        where TPoints : struct, IInterleavingPoints
    {
        physical = attributes = 0;
        int row = PermissionTable.RowOf(access, privilege);
        ref readonly LeafRule rule = ref RuleOf(row, access, privilege);
        if (!rule.Exists) return false;
        ulong* tables = _fast.LeafTables.RowInUse(row);
        if (tables == null) tables = _fast.LeafTables.Row(row);
        ulong data = tables[LeafTableCache.SlotOf(linear)] ^ LeafTableCache.TagOf(linear) ^ _view->StructureKey;
        if (data >> 32 != 0 && (data = FindTable(linear, in rule, tables)) == NoTable) return false;
        ulong frame = (data & LeafTableCache.FrameMask) << 12;
        if ((data & LeafTableCache.LargeBit) != 0)
        {
            physical = frame | (linear & LeafTableCache.LargeOffset);
            attributes = LeafTableCache.Attributes(tables, linear);
        }
        else
        {
            ulong* leaf = (ulong*)(_base + frame + ((linear >> 9) & 0xff8));
            ulong raw = Volatile.Read(ref *leaf);
            if (((raw ^ rule.Expected) & rule.Mask & ~(EntryBits.Accessed | EntryBits.Dirty)) != 0 || !Mark(in rule, leaf, raw)) return false;
            physical = (raw & EntryBits.Frame64) | (linear & 0xfff);
            attributes = LeafAttributes(raw | rule.Expected, (int)(data >> LeafTableCache.RightsShift) & 7);
        }

        if (!Admits<TPoints>(physical, access)) return false;
        TPoints.Reach();
        if (!IsWatched(linear, access)) _fast.Insert(row, linear, physical, attributes);
        AfterInsertion();
        return true;
    }

    // Goes from the root to a region's page table or page of 2 MiB, and remembers it, if every entry on the way is present, accessed and legal and
    // leaves the decision to the leaf, or is a leaf that permits the access. What is remembered of it, or none.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong FindTable(ulong linear, in LeafRule rule, ulong* tables)
    {
        ulong at = _context.Root;
        int rights = PathRights.Unrestricted;
        for (int level = _levels; level > 1; level--)
        {
            ulong raw = _memory.ReadEntry64(at + ((linear >> (9 * level)) & 0xff8));
            const ulong wanted = EntryBits.Present | EntryBits.Accessed;
            if ((raw & (wanted | EntryBits.PageSize | _context.Reserved[2 * level])) != wanted) return level == 2 ? FindLarge(linear, raw, rights, in rule, tables) : NoTable;
            rights = PathRights.Through(rights, raw);
            at = raw & EntryBits.Frame64;
        }

        if (at >= FastTable.FrameLimit || !_memory.IsWindowRam(at) || !rule.AllowsAbove(rights)) return NoTable;
        uint data = (uint)(at >> 12) | ((uint)rights << LeafTableCache.RightsShift);
        LeafTableCache.Insert(tables, linear, _view->StructureKey, data, attributes: 0);
        return data;
    }

    // As the end of FindTable, for an entry of a page directory. What is reserved in a leaf of 4 KiB is reserved in one of 2 MiB too.
    private ulong FindLarge(ulong linear, ulong raw, int above, in LeafRule rule, ulong* tables)
    {
        const ulong size = EntryBits.PageSize, keys = 15UL << EntryBits.ProtectionKeyShift;
        if ((raw & (rule.Mask | size | keys | _context.Reserved[5])) != (rule.Expected | size) || !rule.AllowsAbove(above)) return NoTable;
        ulong frame = raw & EntryBits.Frame64 & ~LeafTableCache.LargeOffset;
        bool global = _context.GlobalPages && (raw & EntryBits.Global) != 0;
        // INVLPG drops a global page for every PCID, and the leaf-table cache forgets for one.
        if (frame >= FastTable.FrameLimit || (global && _context.State.Cr4.Pcide)) return NoTable;
        int path = PathRights.Through(above, raw);
        uint data = (uint)(frame >> 12) | LeafTableCache.LargeBit | ((uint)path << LeafTableCache.RightsShift);
        if (_context.IsShadowStack(above, raw)) path |= PathRights.ShadowStack;
        uint attributes = Translation.AttributesOf(PageSize.Size2M, PathRights.ToRights(path, global), PageWalker<Paging4Level>.PatIndexOf(raw, large: true));
        _fast.NoteLarge(linear, PageSize.Size2M);
        LeafTableCache.Insert(tables, linear, _view->StructureKey, data, attributes);
        return data;
    }

    private uint LeafAttributes(ulong raw, int above)
    {
        // R/W and U/S have the same places in an entry and in the rights, one higher than in a path; XD is the opposite of the right to execute.
        const uint writeAndUser = (uint)(Rights.Write | Rights.User);
        uint rights = (uint)Rights.Read | ((uint)raw & ((uint)above << 1) & writeAndUser);
        rights |= ~((uint)(raw >> 60) | ((uint)above << 1)) & (uint)Rights.Execute;
        if (_context.GlobalPages) rights |= (uint)(raw >> 3) & (uint)Rights.Global;
        if (_context.IsShadowStack(above, raw)) rights |= (uint)Rights.ShadowStack;
        return Translation.AttributesOf(PageSize.Size4K, (Rights)rights, PageWalker<Paging4Level>.PatIndexOf(raw, large: false));
    }
}
