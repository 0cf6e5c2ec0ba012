namespace FastMmu.Cli.Programs;

/// <summary>What became of one access to every page.</summary>
/// <param name="Pages">Pages touched.</param>
/// <param name="Mapped">Those that were mapped before.</param>
/// <param name="Refused">How many accesses ended in which signal, by its name.</param>
/// <param name="Elapsed">The time it took.</param>
/// <param name="LeftOut">Pages that were not touched because memory would not have held them.</param>
internal sealed record TouchCount(long Pages, long Mapped, IReadOnlyDictionary<string, long> Refused, TimeSpan Elapsed, long LeftOut)
{
    /// <summary>Pages that a fault brought in.</summary>
    public long Faulted => Pages - Mapped - Refused.Values.Sum();

    /// <summary>Nanoseconds a page.</summary>
    public double NanosecondsEach => Pages == 0 ? 0 : Elapsed.TotalNanoseconds / Pages;
}
