namespace FastMmu.Cli.Report;

/// <summary>Every mapped page, translated in one way.</summary>
/// <param name="Way">How.</param>
/// <param name="Pages">Pages translated in a round.</param>
/// <param name="Wrong">Pages whose address or size is not what the enumeration says.</param>
/// <param name="FirstWrong">The first of them, in words; empty if there is none.</param>
/// <param name="First">Time of the first round: nothing cached, code not yet optimised.</param>
/// <param name="Best">Time of the fastest round.</param>
/// <param name="Rounds">Rounds made.</param>
/// <param name="NanosecondsEach">Nanoseconds a page in the fastest round.</param>
internal sealed record TranslationRun(string Way, int Pages, int Wrong, string FirstWrong, TimeSpan First, TimeSpan Best, int Rounds, double NanosecondsEach)
{
    /// <summary>Translations a second in the fastest round.</summary>
    public double PerSecond => NanosecondsEach <= 0 ? 0 : 1e9 / NanosecondsEach;
}
