namespace FastMmu.Linux.Pages;

/// <summary>
/// How a paging mode stores an entry of the page tables. All rules know entries as <see cref="Pte"/> draws them; a struct of this kind says
/// how many bytes that takes in memory, and where its bits are. Modes are type arguments, so that each is compiled to straight-line code.
/// </summary>
/// <typeparam name="TEntry">The struct itself, as large as an entry.</typeparam>
internal interface IPageEntry<TEntry>
    where TEntry : unmanaged, IPageEntry<TEntry>
{
    /// <summary>Bits of an address that choose one of a table's entries: 9 or 10.</summary>
    static abstract int IndexBits { get; }

    /// <summary>The bits of a page's protection that the mode has (__supported_pte_mask).</summary>
    static abstract ulong Supported { get; }

    /// <summary>Whether the processor keeps the entries of the top table, so that CR3 must be written when one of them changes.</summary>
    static abstract bool TopIsCached { get; }

    /// <summary>
    /// Whether tables are frames of the guest, which a processor walks, and whose writes logs and snapshots hear of; else they are the host's.
    /// </summary>
    static abstract bool InGuestMemory { get; }

    /// <summary>Stores an entry.</summary>
    /// <param name="entry">As in <see cref="Pte"/>.</param>
    static abstract TEntry Of(ulong entry);

    /// <summary>An entry of a table above the leaves.</summary>
    /// <param name="table">The table below: its frame, or its address in the host.</param>
    /// <param name="shift">What the entry covers, as a power of two.</param>
    static abstract TEntry OfTable(ulong table, int shift);

    /// <summary>The entry as in <see cref="Pte"/>.</summary>
    ulong Value { get; }

    /// <summary>Whether there is nothing: no page, no marker.</summary>
    bool IsEmpty { get; }
}
