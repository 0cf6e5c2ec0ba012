using System.Globalization;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace FastMmu.Tests.Generators;

/// <summary>
/// Runs properties. Two environment variables steer all of them:
/// <c>FASTMMU_CASES</c> is how many cases each property runs instead of its own number, and
/// <c>FASTMMU_SEED</c> is where the random cases begin: two numbers with a comma between, or <c>random</c> to go where no run has been. Without it
/// every run is the same, so that a change is judged by what it changed. A property that fails prints its shrunk case, and the seed with which
/// that case comes first.
/// </summary>
internal static partial class PropertyRun
{
    private const string CasesVariable = "FASTMMU_CASES";
    private const string SeedVariable = "FASTMMU_SEED";

    private const string UsualSeed = "20261122,7919";

    private static readonly int? s_cases = ReadCases(Environment.GetEnvironmentVariable(CasesVariable));
    private static readonly FSharpOption<Replay> s_replay = ReadSeed(Environment.GetEnvironmentVariable(SeedVariable));

    /// <summary>How many cases a property runs that would run <paramref name="usual"/>.</summary>
    public static int Cases(int usual) => s_cases ?? usual;

    /// <summary>Runs the property.</summary>
    /// <param name="property">The property.</param>
    /// <param name="cases">How many cases it runs unless the environment says otherwise.</param>
    public static void Holds(this Property property, int cases)
    {
        Config config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(Cases(cases)).WithReplay(s_replay);
        try
        {
            property.Check(config);
        }
        catch (Exception failure) when (SeedOfFailure().Match(failure.Message) is { Success: true } seed)
        {
            throw new Xunit.Sdk.XunitException($"{failure.Message}\nThis case again: {SeedVariable}={seed.Groups[1].Value} {CasesVariable}=1");
        }
    }

    private static int? ReadCases(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        return int.TryParse(text, CultureInfo.InvariantCulture, out int cases) && cases > 0
            ? cases
            : throw new InvalidOperationException($"{CasesVariable} is not a positive number: {text}");
    }

    private static FSharpOption<Replay> ReadSeed(string? text)
    {
        if (text == "random") return FSharpOption<Replay>.None;
        if (string.IsNullOrEmpty(text)) text = UsualSeed;
        string[] parts = text.Trim('(', ')').Split(',');
        return parts.Length == 2
            && ulong.TryParse(parts[0], CultureInfo.InvariantCulture, out ulong seed)
            && ulong.TryParse(parts[1], CultureInfo.InvariantCulture, out ulong gamma)
            ? FSharpOption<Replay>.Some(new Replay(new Rnd(seed, gamma), FSharpOption<int>.None))
            : throw new InvalidOperationException($"{SeedVariable} is neither two numbers with a comma between nor 'random': {text}");
    }

    // FsCheck names the seed of the whole run first and that of the failing case last.
    [GeneratedRegex(@"seed of \((\d+,\d+)\)")]
    private static partial Regex SeedOfFailure();
}
