using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>Cached translations: how a miss is filled, and what drops what.</content>
public sealed unsafe partial class Mmu
{
    private readonly TranslationCache _tlb;
    private readonly PagingStructureCache _structures;
    private readonly bool _counting, _caching;
    private ulong _walks, _entriesRead, _structureHits, _faults;
    private readonly FastTable _fast = new();
    private readonly FastView* _view;
    private readonly byte* _base;
    private readonly Lock _disposing = new();
    private readonly MemoryListener _listener;
    private bool _fastUsable;
    // Whether anything was entered since all was dropped.
    private bool _tlbHolds, _structuresHold;
    private int _pcid;

    /// <summary>What was counted; all zero unless <see cref="MmuOptions.Statistics"/> is on.</summary>
    public MmuStatistics Statistics => new(_tlb.Statistics, _walks, _entriesRead, _structureHits, _faults);

    /// <summary>
    /// The TLB, to look into. It sees every access while <see cref="MmuOptions.Statistics"/> is on; else it holds only what the fast table in front
    /// does not take, translations to devices and ROM among it.
    /// </summary>
    public TranslationCache Tlb => _tlb;

    /// <summary>The paging-structure caches, to look into.</summary>
    public PagingStructureCache PagingStructures => _structures;

    /// <summary>
    /// INVLPG: drops what is cached for the page of any size that holds an address, in the current PCID and among the global
    /// translations, and all paging-structure-cache entries of the current PCID. Never faults: an address that is not canonical drops nothing.
    /// </summary>
    /// <param name="linear">Any address inside the page; outside long mode only its low 32 bits count. It is not masked by LAM.</param>
    /// <remarks>Source: Intel SDM vol. 2A, "INVLPG"; vol. 3A, 4.10.4.1.</remarks>
    /// <example><code>
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x200000
    /// memory.Write(0x4008, 0x30_0007UL);                      // the kernel moves the page,
    /// mmu.InvalidatePage(0x1000UL);                           // and says so
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x300000
    /// </code></example>
    public void InvalidatePage(LinearAddress linear)
    {
        ulong address = linear.Value;
        if (!_context.State.Efer.Lma) address = (uint)address;
        else if (!linear.IsCanonical(_context.State.LinearWidth)) return;
        if (_tlbHolds) _tlb.InvalidatePage(address, _pcid);
        if (_structuresHold) _structures.InvalidatePage(address, _pcid);
        _fast.ForgetPage(address, _pcid, globals: true, structures: true);
    }

    /// <summary>INVPCID.</summary>
    /// <param name="type">The register operand: <see cref="InvpcidType"/>.</param>
    /// <param name="pcid">The low eight bytes of the descriptor in memory: the PCID in bits 11:0, the rest reserved.</param>
    /// <param name="linear">The high eight bytes of the descriptor; counts for <see cref="InvpcidType.IndividualAddress"/> only.</param>
    /// <returns>
    /// #GP(0) for an unknown type, reserved bits, a PCID other than 0 in types 0 and 1 with CR4.PCIDE=0, or an address that is not canonical in
    /// type 0; nothing is dropped then. Or none.
    /// </returns>
    /// <remarks>Source: Intel SDM vol. 2A, "INVPCID — Invalidate Process-Context Identifier".</remarks>
    /// <example><code>
    /// mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit);
    /// mmu.WriteCr3(0x1000 | 7);                               // address space 7
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x200000
    /// memory.Write(0x4008, 0x30_0007UL);
    /// Console.WriteLine(mmu.InvalidatePcid((ulong)InvpcidType.SingleContext, 7));     // none
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x300000
    /// Console.WriteLine(mmu.InvalidatePcid(4, 7));            // #GP(0): INVPCID operand
    /// </code></example>
    public MmuFault InvalidatePcid(ulong type, ulong pcid, ulong linear = 0)
    {
        MmuFault refused = MmuFault.GeneralProtection(0, FaultReason.InvalidationOperand, linear);
        if (type > (ulong)InvpcidType.AllExceptGlobal || pcid >> 12 != 0) return refused;
        var kind = (InvpcidType)type;
        if (kind <= InvpcidType.SingleContext && pcid != 0 && !_context.State.Cr4.Pcide) return refused;
        switch (kind)
        {
            case InvpcidType.IndividualAddress:
                // By what the processor can have, not by CR4.LA57: a four-level host may invalidate for a five-level guest.
                if (!new LinearAddress(linear).IsCanonical(Features.LinearAddressBits)) return refused;
                if (!_context.State.Efer.Lma) linear = (uint)linear;
                _tlb.InvalidateAddress((int)pcid, linear);
                _structures.InvalidatePcid((int)pcid);
                _fast.ForgetPage(linear, (int)pcid, globals: false, structures: true);
                break;
            case InvpcidType.SingleContext:
                _tlb.InvalidatePcid((int)pcid);
                _structures.InvalidatePcid((int)pcid);
                _fast.ForgetPcid((int)pcid);
                break;
            case InvpcidType.AllIncludingGlobal:
                InvalidateAll();
                break;
            default:
                _tlb.InvalidateNonGlobal();
                _structures.InvalidateAll();
                _fast.ForgetAll();
                break;
        }

        return MmuFault.None;
    }

    /// <summary>Drops everything cached, global translations included, for all PCIDs, and clears the monitor of <see cref="TryReadExclusive"/>.</summary>
    /// <example><code>
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x200000
    /// memory.Write(0x4008, 0x30_0007UL);
    /// mmu.InvalidateAll();
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x300000
    /// </code></example>
    public void InvalidateAll()
    {
        _tlb.InvalidateAll();
        _structures.InvalidateAll();
        _fast.ForgetAll();
        _tlbHolds = _structuresHold = false;
        // As a restore, or a group's news of another map, comes here.
        ClearExclusive();
    }

    private void Apply(CacheEffect effect)
    {
        switch (effect)
        {
            case CacheEffect.Everything:
                InvalidateAll();
                break;
            case CacheEffect.CurrentPcid:
                _tlb.InvalidatePcid(_pcid);
                _structures.InvalidatePcid(_pcid);
                _fast.ForgetPcid(_pcid);
                break;
            default:
                break;
        }
    }

    private Translation TranslateCore(ulong linear, Access access, Privilege privilege, bool stack) =>
        TryTranslateFast(linear, access, privilege, out Translation translation) ? translation : TranslateSlowly<NoInterleavingPoints>(linear, access, privilege, stack);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTranslateFast(ulong linear, Access access, Privilege privilege, out Translation translation)
    {
        FastView* view = _view;
        int row = PermissionTable.RowOf(access, privilege);
        if (view->TryFind(linear, 1, row, out ulong physical))
        {
            translation = new(physical, FastTable.Attributes((byte*)view->Rows[row], FastTable.SlotOf(linear)));
            return true;
        }

        translation = default;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateOrFaulted(ulong linear, Access access, Privilege privilege)
    {
        if (_leavesUsable && IsCanonical(linear) && TryTranslateByTable<NoInterleavingPoints>(linear, access, privilege, out ulong physical, out _)) return physical;
        Translation translation = TranslateByWalk<NoInterleavingPoints>(linear, access, privilege, stack: false, PermissionTable.RowOf(access, privilege), packed: false);
        if (!translation.Ok) NoteFault(translation.Fault);
        return translation.Ok ? translation.Physical.Value : BatchResult.FaultedLane;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateAndNote(ulong linear, Access access, Privilege privilege, bool stack)
    {
        Translation translation = TranslateSlowly<NoInterleavingPoints>(linear, access, privilege, stack);
        if (!translation.Ok) NoteFault(translation.Fault);
        return translation;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateSlowly<TPoints>(ulong linear, Access access, Privilege privilege, bool stack) where TPoints : struct, IInterleavingPoints =>
        _leavesUsable && IsCanonical(linear) && TryTranslateByTable<TPoints>(linear, access, privilege, out ulong physical, out uint attributes)
            ? new(physical, attributes)
            : TranslateByWalk<TPoints>(linear, access, privilege, stack, PermissionTable.RowOf(access, privilege), packed: false);

    // What no remembered page table answers. `row` and `packed` say which of the fast tables receives it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateByWalk<TPoints>(ulong linear, Access access, Privilege privilege, bool stack, int row, bool packed)
        where TPoints : struct, IInterleavingPoints
    {
        if (!_rules.TryPrepare(ref linear, access, privilege, stack, out MmuFault fault)) return new(fault);
        if (_walker is null) return UnpagedAndEnter<TPoints>(linear, access, row, packed);
        TlbAccess kind = access == Access.Execute ? TlbAccess.Instruction : TlbAccess.Data;
        if ((_tlbHolds || !_fastUsable) && _tlb.TryFind(linear, _pcid, kind, out TlbEntry entry) && Permits(in entry, access, privilege))
        {
            var cached = new Translation(entry.PhysicalOf(linear), entry.Size, PathRights.ToRights(entry.PathRights, entry.Global), entry.PatIndex);
            // What was a device or guarded when it was entered here may be plain RAM now.
            if (_fastUsable) TryInsertFast<TPoints>(linear, access, row, packed, in cached);
            return cached;
        }

        Translation translation = WalkAndCache(linear, access, privilege, out WalkResult result);
        if (!translation.Ok || (_fastUsable && TryInsertFast<TPoints>(linear, access, row, packed, in translation))) return translation;
        // The fast table is larger than any TLB, so only what it does not take goes there: devices, ROM, and everything while it is off.
        _tlbHolds = true;
        _tlb.Insert(
            new TlbEntry(linear, result.Frame, result.PageSize, _pcid, result.Path, result.Key, result.PatIndex, result.Global, result.Dirty), kind);
        return translation;
    }

    private bool TryInsertFast<TPoints>(ulong linear, Access access, int row, bool packed, in Translation translation)
        where TPoints : struct, IInterleavingPoints
    {
        ulong physical = translation.Physical.Value;
        if (!Admits<TPoints>(physical, access) || IsWatched(linear, access)) return false;
        if (translation.PageSize > PageSize.Size4K) _fast.NoteLarge(linear, translation.PageSize);
        TPoints.Reach();
        if (packed) _fast.InsertPacked(row, linear, physical, translation.Attributes);
        else _fast.Insert(row, linear, physical, translation.Attributes);
        AfterInsertion();
        return true;
    }

    // Whether an access that was permitted may be done without asking again: only RAM in the window, so that a hit is a host address too, and no
    // page whose write somebody wants to hear of.
    private bool Admits(ulong physical, Access access) => Admits<NoInterleavingPoints>(physical, access);

    private bool Admits<TPoints>(ulong physical, Access access) where TPoints : struct, IInterleavingPoints
    {
        TPoints.Reach();
        ulong page = physical & ~0xfffUL;
        return physical < FastTable.FrameLimit && _memory.IsWindowRam(page)
            && (access is not (Access.Write or Access.ShadowStackWrite) || _memory.AdmitsWrites<TPoints>(page));
    }

    /// <inheritdoc cref="IMemoryTarget.JoinedGroup"/>
    internal MmuGroup? JoinedGroup { get; set; }

    MmuGroup? IMemoryTarget.JoinedGroup
    {
        get => JoinedGroup;
        set => JoinedGroup = value;
    }

    private bool Grouped => JoinedGroup is not null;

    // Host addresses in the fast table may no longer be RAM. Which linear addresses lead to a physical one nobody knows.
    void IMemoryListener.OnMapChanged()
    {
        if (Grouped) return;
        ForgetHostAddresses();
        ClearExclusive();
    }

    /// <summary>Drops what leads to host memory without asking. Translations in the TLB stay.</summary>
    internal void ForgetHostAddresses() => _fast.ForgetAll();

    void IMemoryListener.OnDisposing() => ForgetMemory();

    void IMemoryListener.OnWriteGuarded(ulong page)
    {
        if (Grouped) return;
        if (page == PhysicalMemory.AllPages) ForgetHostAddresses();
        else _fast.ForgetWrites(page >> 12);
    }

    void IMemoryListener.OnRestored()
    {
        if (!Grouped) InvalidateAll();
    }

    // The memory may have gone on another thread, which has wiped the tables before this entry came.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AfterInsertion()
    {
        if (_memory.IsDisposed) ForgetMemory();
    }

    // Also by the thread that disposes the memory, whatever the own one does: entries are words, and the tables do not go meanwhile.
    private void ForgetMemory()
    {
        lock (_disposing) _fast.Wipe();
    }

    // A right that is missing, or a dirty bit that is not yet set, sends the access to the tables: they may have changed, and a fault is
    // only ever raised by what they say now.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Permits(in TlbEntry entry, Access access, Privilege privilege)
    {
        bool write = access is Access.Write or Access.ShadowStackWrite;
        return (!write || entry.Dirty)
            && !_context.Permissions.Refuses(PermissionTable.RowOf(access, privilege), entry.PathRights)
            && !_context.KeyRefuses(entry.ProtectionKey, entry.PathRights, access, privilege);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private Translation WalkAndCache(ulong linear, Access access, Privilege privilege, out WalkResult result)
    {
        WalkPath path = default;
        int above = PathRights.Unrestricted;
        bool found = false;
        result = default;
        if (_structures.TryFindDeepest(linear, _pcid, out PagingStructureEntry cached))
        {
            above = cached.PathRights;
            var start = new WalkStart(cached.Table, cached.Level, above);
            found = _walker!.AccessFrom(_memory, in _context, in start, linear, access, privilege, ref path, out result) && !result.Fault.IsFault;
            if (_counting) CountWalk(path.Count, fromRoot: false, fault: false);
            if (_walkObserver is not null) ReportWalk(linear, access, privilege, in path, MmuFault.None);
        }

        if (!found)
        {
            // Also where a remembered table led to a fault: the way to it may have changed, and the tables have the last word.
            above = PathRights.Unrestricted;
            _walker!.Access(_memory, in _context, linear, access, privilege, ref path, out result);
            if (_counting) CountWalk(path.Count, fromRoot: true, result.Fault.IsFault);
            if (_walkObserver is not null) ReportWalk(linear, access, privilege, in path, result.Fault);
            if (result.Fault.IsFault)
            {
                DropFaulting(linear);
                return new(result.Fault);
            }
        }

        int leafAbove = RememberTables(linear, in path, above);
        RememberRegion(linear, access, privilege, in path, leafAbove, in result);
        return ToTranslation(linear, in result);
    }

    // A page fault drops what was cached for its address: SDM vol. 3A, 4.10.4.1.
    private void DropFaulting(ulong linear)
    {
        _tlb.InvalidatePage(linear, _pcid);
        _structures.InvalidateAddress(_pcid, linear);
        _fast.ForgetPage(linear, _pcid, globals: true, structures: false);
    }

    // Every entry above the leaf that a successful walk read: it is present, legal and marked accessed. PDPTEs are registers already.
    // Returns the rights of the path above the leaf.
    private int RememberTables(ulong linear, in WalkPath path, int rights)
    {
        _structuresHold = true;
        for (int i = 0; i < path.Count - 1; i++)
        {
            WalkStep step = path[i];
            if (step.Level == 3 && Mode == PagingMode.Pae) continue;
            rights = PathRights.Through(rights, step.Raw);
            _structures.Insert(linear, _pcid, step.Level - 1, step.Raw & EntryBits.Frame64, rights);
        }

        return rights;
    }

    private void CountWalk(int entries, bool fromRoot, bool fault)
    {
        _walks++;
        _entriesRead += (ulong)entries;
        if (!fromRoot) _structureHits++;
        if (fault) _faults++;
    }
}
