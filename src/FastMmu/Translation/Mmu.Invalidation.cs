using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>What another virtual CPU asks to be dropped.</content>
public sealed partial class Mmu
{
    // More pages than these are dropped with all the rest of their PCID: INVLPG by INVLPG would take longer than filling it again.
    private const ulong MostPagesOneByOne = 32;

    /// <summary>Drops what an invalidation names, whatever address space runs now.</summary>
    /// <param name="what">What; never refused: what cannot be cached is not cached.</param>
    /// <remarks>A range of more than 32 pages of 4 KiB drops all of its PCID; with globals, everything.</remarks>
    /// <example><code>
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x200000
    /// memory.Write(0x4008, 0x30_0007UL);
    /// mmu.Invalidate(Invalidation.OfPages(new LinearRange(0x1000, 4096)));
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x300000
    /// </code></example>
    public void Invalidate(in Invalidation what)
    {
        switch (what.Kind)
        {
            case InvalidationKind.Pages or InvalidationKind.PagesAndGlobals:
                InvalidatePages(in what);
                break;
            case InvalidationKind.Pcid:
                _tlb.InvalidatePcid(what.Pcid);
                _structures.InvalidatePcid(what.Pcid);
                _fast.ForgetPcid(what.Pcid);
                break;
            case InvalidationKind.Cr3Write:
                Invalidate(Invalidation.OfPcid(_context.State.Cr4.Pcide ? _context.State.Cr3.Pcid : 0));
                if (Mode == PagingMode.Pae) WriteCr3(_context.State.Cr3.Value);
                break;
            case InvalidationKind.NonGlobal:
                _tlb.InvalidateNonGlobal();
                _structures.InvalidateAll();
                _fast.ForgetAll();
                break;
            default:
                InvalidateAll();
                break;
        }
    }

    private void InvalidatePages(in Invalidation what)
    {
        bool globals = what.Kind == InvalidationKind.PagesAndGlobals;
        LinearRange range = what.Range;
        if (range.Length == 0) return;
        ulong first = range.Start.Value & ~0xfffUL;
        ulong pages = ((range.Last.Value & ~0xfffUL) - first >> 12) + 1;
        if (pages is 0 or > MostPagesOneByOne)
        {
            Invalidate(globals ? Invalidation.Everything : Invalidation.OfPcid(what.Pcid));
            return;
        }

        bool longMode = _context.State.Efer.Lma;
        for (ulong page = 0; page < pages; page++)
        {
            ulong address = unchecked(first + (page << 12));
            if (!longMode) address = (uint)address;
            else if (!new LinearAddress(address).IsCanonical(Features.LinearAddressBits)) continue;
            if (globals) _tlb.InvalidatePage(address, what.Pcid);
            else _tlb.InvalidateAddress(what.Pcid, address);
            _fast.ForgetPage(address, what.Pcid, globals, structures: true);
        }

        _structures.InvalidatePcid(what.Pcid);
    }
}
