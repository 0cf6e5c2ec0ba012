using FastMmu.Linux.Mm;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>Everything that a comparison of areas depends on: as long as it is the same, the comparison would come to the same.</summary>
/// <param name="Areas">Changes of the list of areas.</param>
/// <param name="Pages">Changes of resident pages.</param>
/// <param name="Brk">Where the heap ends, which names areas.</param>
/// <param name="Expected">Changes of what was recorded.</param>
internal readonly record struct AreaStamp(int Areas, ulong Pages, ulong Brk, int Expected)
{
    /// <summary>That of now.</summary>
    public static AreaStamp Of(ReplayProcess process, AddressSpace mm) => new(mm.Areas.Version, mm.Tables.Changes, mm.CurrentBrk, process.ExpectedChanges);
}
