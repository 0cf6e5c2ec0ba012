namespace FastMmu.Cli.Report;

/// <summary>Every mapped page, translated in one way.</summary>
/// <param name="Way">How.</param>
/// <param name="Pages">Pages translated in a round.</param>
/// <param name="Wrong">Pages whose address or size is not what the enumeration says.</param>
/// <param name="FirstWrong">The first of them, in words; empty if there is none.</param>
/// <param name="First">Time of the first round: nothing cached, code not yet optimised.</param>
/// <param name="Best">Time of the fastest round.</param>
/// <param name="Rounds">Rounds made.</param>
internal sealed record TranslationRun(string Way, int Pages, int Wrong, string FirstWrong, TimeSpan First, TimeSpan Best, int Rounds)
{
    /// <summary>Nanoseconds a page in the fastest round.</summary>
    public double NanosecondsEach => Pages == 0 ? 0 : Best.TotalNanoseconds / Pages;

    /// <summary>Translations a second in the fastest round.</summary>
    public double PerSecond => Best <= TimeSpan.Zero ? 0 : Pages / Best.TotalSeconds;
}
