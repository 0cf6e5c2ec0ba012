using System.CommandLine;

namespace FastMmu.Cli.Commands;

/// <summary>Options that mean the same wherever they appear.</summary>
internal static class SharedOptions
{
    /// <summary><c>--json</c>: the result as one JSON value instead of text.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print the result as JSON." };
}
