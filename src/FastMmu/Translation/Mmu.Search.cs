using FastMmu.Addresses;

namespace FastMmu;

/// <content>Looking for bytes.</content>
public sealed unsafe partial class Mmu
{
    /// <summary>Looks for a pattern of bytes in a range of linear addresses.</summary>
    /// <param name="range">Where; a match lies in it as a whole.</param>
    /// <param name="pattern">The bytes; not empty.</param>
    /// <param name="options">On whose behalf, and who resolves faults; with a handler, absent pages are asked for one by one.</param>
    /// <returns>
    /// The address of each match, ascending, overlapping ones too. Pages are translated and looked at while the matches are asked for, so that a search can be stopped
    /// and sees changes. Addresses that refuse, and those without RAM or ROM behind them, hold no match and end one; no handler of a device is called.
    /// </returns>
    /// <remarks>
    /// The pages are read as by <see cref="ReadBytes"/>: accessed bits are set, CR2 is not touched. Without a handler a region whose table is absent costs one walk,
    /// so that whole address spaces can be searched.
    /// </remarks>
    /// <exception cref="ArgumentException">The pattern is empty.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed; thrown when the next match is asked for.</exception>
    /// <example><code>
    /// memory.Write(0x20_0ffe, "needle"u8);                    // over the end of the page at 0x1000
    /// memory.Write(0x20_1100, "needle"u8);
    /// foreach (LinearAddress match in mmu.Search(new LinearRange(0UL, 4 * GiB), "needle"u8.ToArray())) Console.WriteLine(match);     // 0x1ffe
    ///                                                                                                                             // 0x2100
    /// </code></example>
    public IEnumerable<LinearAddress> Search(LinearRange range, ReadOnlyMemory<byte> pattern, TransferOptions options = default)
    {
        if (pattern.IsEmpty) throw new ArgumentException("An empty pattern is everywhere.", nameof(pattern));
        return new PatternSearch(this, options.Privilege ?? CurrentPrivilege, options.FaultHandler).Run(range, pattern);
    }
}
