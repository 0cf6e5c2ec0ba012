namespace FastMmu.Linux.Pages;

/// <content>What the TLBs are told.</content>
public sealed unsafe partial class UserPages
{
    // Above this many pages dropping everything is cheaper than dropping each (tlb_single_page_flush_ceiling).
    private const ulong SinglePageCeiling = 33;

    private readonly List<Mmu> _loaded = [];
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
                mmu.WriteCr3(_root);
                continue;
            }

            for (ulong page = start; page < end; page += PageBytes)
            {
                mmu.InvalidatePage(page);
            }
        }
    }

    private void Changed(ulong address)
    {
        _changedStart = Math.Min(_changedStart, address);
        _changedEnd = Math.Max(_changedEnd, address + PageBytes);
    }
}
