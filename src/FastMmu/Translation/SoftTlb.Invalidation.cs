using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>What is forgotten, for whom: the one who drives it, the members of its group, the memory.</content>
public sealed unsafe partial class SoftTlb
{
    // Above this many pages dropping everything is cheaper than dropping each.
    private const ulong MostPages = 64;

    private MmuGroup? _group;

    // How often others have asked.
    private ulong _asked;

    /// <summary>Forgets the page of an address in one address space, under all regimes, and global pages in every one.</summary>
    /// <param name="linear">Any address in the page.</param>
    /// <param name="addressSpace">The address space.</param>
    /// <example><code>
    /// tlb.InvalidatePage(0x1000, addressSpace: 0);
    /// Console.WriteLine(tlb.TryRead(0x1234, out int value));  // True
    /// Console.WriteLine(tlb.Misses);                          // 2
    /// </code></example>
    public void InvalidatePage(ulong linear, int addressSpace) => ForgetPage(linear, PcidOf(addressSpace), globals: true);

    /// <summary>Forgets pages in one address space, as <see cref="InvalidatePage"/> each of them; everything of it where there are many.</summary>
    /// <param name="linear">Any address in the first page.</param>
    /// <param name="length">Bytes; up to the end of the addresses at most.</param>
    /// <param name="addressSpace">The address space.</param>
    /// <example><code>
    /// tlb.InvalidateRange(0, 64 * KiB, addressSpace: 0);
    /// Console.WriteLine(tlb.Entries().Count);                 // 0
    /// </code></example>
    public void InvalidateRange(ulong linear, ulong length, int addressSpace) => ForgetRange(linear, length, PcidOf(addressSpace), globals: true);

    /// <summary>Forgets an address space, under all regimes. O(1).</summary>
    /// <param name="addressSpace">The address space.</param>
    /// <example><code>
    /// tlb.InvalidateAddressSpace(0);
    /// Console.WriteLine(tlb.Entries().Count);                 // 0
    /// </code></example>
    public void InvalidateAddressSpace(int addressSpace) => _fast.ForgetPcid(PcidOf(addressSpace));

    /// <summary>Forgets everything. O(1).</summary>
    /// <example><code>
    /// tlb.InvalidateAll();
    /// Console.WriteLine(tlb.Entries().Count);                 // 0
    /// </code></example>
    public void InvalidateAll() => _fast.ForgetAll();

    /// <summary>Forgets what an invalidation names, as <see cref="MmuMember.Poll"/> does with what others have asked for.</summary>
    /// <param name="what">
    /// What. The PCID is the twelve low bits of an address space's number: all that share them forget. <see cref="InvalidationKind.Cr3Write"/> is the current one,
    /// and <see cref="InvalidationKind.Everything"/> clears the monitor of
    /// <see cref="TryReadExclusive"/> too.
    /// </param>
    /// <example><code>
    /// tlb.Invalidate(Invalidation.OfPages(new LinearRange(0x1000, 4 * KiB), pcid: 0));
    /// Console.WriteLine(tlb.Entries().Count);                 // 0
    /// </code></example>
    public void Invalidate(in Invalidation what)
    {
        _asked++;
        switch (what.Kind)
        {
            case InvalidationKind.Pages or InvalidationKind.PagesAndGlobals:
                ForgetRange(what.Range.Start.Value, what.Range.Length, what.Pcid, globals: what.Kind == InvalidationKind.PagesAndGlobals);
                break;
            case InvalidationKind.Pcid:
                _fast.ForgetPcid(what.Pcid);
                break;
            case InvalidationKind.Cr3Write:
                InvalidateAddressSpace(AddressSpace);
                break;
            case InvalidationKind.NonGlobal:
                _fast.ForgetAll();
                break;
            default:
                ForgetMapped();
                break;
        }
    }

    MmuGroup? IMemoryTarget.JoinedGroup
    {
        get => _group;
        set => _group = value;
    }

    void IMemoryListener.OnDisposing() => ForgetMemory();

    void IMemoryListener.OnMapChanged()
    {
        if (_group is null) ForgetMapped();
    }

    // Pages that were written are guarded again, and what the translator says may come from guest memory.
    void IMemoryListener.OnRestored()
    {
        if (_group is null) ForgetMapped();
    }

    void IMemoryListener.OnWriteGuarded(ulong page)
    {
        if (_group is not null) return;
        if (page == PhysicalMemory.AllPages) _fast.ForgetAll();
        else _fast.ForgetWrites(page >> 12);
    }

    private static int PcidOf(int addressSpace) => new FastFingerprint(0, (uint)addressSpace).Pcid;

    private void ForgetPage(ulong linear, int pcid, bool globals)
    {
        if (_vastSeen && _globalsSeen && globals) _fast.ForgetAll();
        else if (_vastSeen) _fast.ForgetPcid(pcid);
        _fast.ForgetPage(linear, pcid, globals, structures: false);
    }

    private void ForgetRange(ulong linear, ulong length, int pcid, bool globals)
    {
        if (length == 0) return;
        ulong first = linear >> 12, last = (length - 1 > ulong.MaxValue - linear ? ulong.MaxValue : linear + length - 1) >> 12;
        if (last - first >= MostPages)
        {
            // What was entered for another address space may be global.
            if (globals && _globalsSeen) _fast.ForgetAll();
            else _fast.ForgetPcid(pcid);
            return;
        }

        for (ulong page = first; page <= last; page++) ForgetPage(page << 12, pcid, globals);
    }

    private void ForgetMapped()
    {
        InvalidateAll();
        ClearExclusive();
    }

    private void ForgetMemory()
    {
        lock (_disposing) _fast.Wipe();
    }
}
