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

    /// <summary>Tells the MMUs what changed since the last time: page by page, or everything if it is much.</summary>
    internal void Flush()
    {
        ulong start = _changedStart, end = _changedEnd;
        if (start >= end)
        {
            return;
        }

        _changedStart = ulong.MaxValue;
        _changedEnd = 0;
        foreach (Mmu mmu in _loaded)
        {
            if ((end - start) >> PageShift > SinglePageCeiling)
            {
                mmu.WriteCr3(RootAddress);
                continue;
            }

            for (ulong page = start; page < end; page += PageBytes)
            {
                mmu.InvalidatePage(page);
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
        foreach (Mmu mmu in _loaded)
        {
            mmu.WriteCr3(RootAddress);
        }
    }

    /// <summary>Notes a page that the next flush is about.</summary>
    private protected void Changed(ulong address)
    {
        _changedStart = Math.Min(_changedStart, address);
        _changedEnd = Math.Max(_changedEnd, address + PageBytes);
    }
}
