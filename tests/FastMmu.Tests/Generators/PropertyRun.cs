using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace FastMmu.Tests.Generators;

/// <summary>
/// Runs a property. The environment variable <c>FASTMMU_PROPERTY_SCALE</c> multiplies the number of cases; a failure prints its seed and
/// the shrunk case.
/// </summary>
internal static class PropertyRun
{
    private static readonly double s_scale =
        double.TryParse(Environment.GetEnvironmentVariable("FASTMMU_PROPERTY_SCALE"), CultureInfo.InvariantCulture, out double scale) ? scale : 1;

    public static void Holds(this Property property, int cases) =>
        property.Check(Config.QuickThrowOnFailure.WithMaxTest((int)Math.Max(1, cases * s_scale)));
}
