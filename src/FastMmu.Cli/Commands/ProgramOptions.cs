using System.CommandLine;
using FastMmu.Linux;

namespace FastMmu.Cli.Commands;

/// <summary>Options of the commands that execute programs.</summary>
internal static class ProgramOptions
{
    private static readonly KernelProfile[] Profiles = [KernelProfile.V5, KernelProfile.V6_12, KernelProfile.V6_18, KernelProfile.V7_2];

    /// <summary><c>--seed N</c>.</summary>
    public static Option<ulong?> Seed(string description) => new("--seed") { Description = description, HelpName = "N" };

    /// <summary><c>--profile 6.18</c>.</summary>
    public static Option<string> Profile()
    {
        var profile = new Option<string>("--profile") { Description = "The kernel's release.", DefaultValueFactory = _ => KernelProfile.V6_18.Name };
        profile.AcceptOnlyFromAmong([.. Profiles.Select(p => p.Name)]);
        return profile;
    }

    /// <summary>The release of a name.</summary>
    public static KernelProfile ProfileOf(string name) => Profiles.Single(p => p.Name == name);
}
