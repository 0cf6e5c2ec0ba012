using FastMmu.Addresses;
using FastMmu.Tlb;

namespace FastMmu.Linux.Pages;

/// <content>What the TLBs are told.</content>
public abstract partial class UserPages
{
    // Above this many pages dropping everything is cheaper than dropping each (tlb_single_page_flush_ceiling).
    private const ulong SinglePageCeiling = 33;

    private readonly List<Mmu> _loaded = [];
    private readonly List<IMmuNotifier> _notifiers = [];
    private ulong _changedStart = ulong.MaxValue;
    private ulong _changedEnd;

    /// <summary>Whether other threads' processors walk these tables, and mark entries, while they are changed.</summary>
    private protected bool WalkedByOthers
    {
        get
        {
            foreach (Mmu mmu in _loaded)
            {
                if (mmu.JoinedGroup is not null)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>An MMU works with these tables from now on.</summary>
    internal void Load(Mmu mmu)
    {
        mmu.WriteCr3(Root.Value);
        _loaded.Add(mmu);
    }

    /// <summary>An MMU works with other tables from now on.</summary>
    internal void Unload(Mmu mmu) => _loaded.Remove(mmu);

    /// <summary>A notifier hears of every change from now on.</summary>
    internal void Register(IMmuNotifier notifier) => _notifiers.Add(notifier);

    /// <summary>A notifier hears nothing more.</summary>
    internal void Unregister(IMmuNotifier notifier) => _notifiers.Remove(notifier);

    /// <summary>
    /// Tells the MMUs what changed since the last time: page by page, or everything if it is much. Those of other threads have dropped it when this
    /// returns (flush_tlb_mm_range).
    /// </summary>
    /// <remarks>
    /// What was freed before may be taken again after this and not earlier: an operation frees first and flushes then, and takes no frame in between.
    /// </remarks>
    internal void Flush()
    {
        ulong start = _changedStart, end = _changedEnd;
        if (start >= end)
        {
            return;
        }

        _changedStart = ulong.MaxValue;
        _changedEnd = 0;
        bool everything = (end - start) >> PageShift > SinglePageCeiling;
        MmuGroup? told = null;
        foreach (Mmu mmu in _loaded)
        {
            if (mmu.JoinedGroup is { } group)
            {
                if (group != told)
                {
                    group.ShootDown(everything ? Invalidation.OfPcid(0) : Invalidation.OfPages(new LinearRange(start, end - start)));
                    told = group;
                }
            }
            else if (everything)
            {
                mmu.WriteCr3(RootAddress);
            }
            else
            {
                for (ulong page = start; page < end; page += PageBytes)
                {
                    mmu.InvalidatePage(page);
                }
            }
        }

        foreach (IMmuNotifier notifier in _notifiers)
        {
            notifier.Invalidate(start, end);
        }
    }

    /// <summary>Has the processors read the top table again, of which they keep the entries.</summary>
    private protected void Reload()
    {
        MmuGroup? told = null;
        foreach (Mmu mmu in _loaded)
        {
            if (mmu.JoinedGroup is not { } group)
            {
                mmu.WriteCr3(RootAddress);
            }
            else if (group != told)
            {
                group.ShootDown(Invalidation.Cr3Write);
                told = group;
            }
        }
    }

    /// <summary>Notes a page that the next flush is about.</summary>
    private protected void Changed(ulong address)
    {
        _changedStart = Math.Min(_changedStart, address);
        _changedEnd = Math.Max(_changedEnd, address + PageBytes);
    }
}
