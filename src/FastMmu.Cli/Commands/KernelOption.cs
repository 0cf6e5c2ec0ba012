using System.CommandLine;
using FastMmu.Linux.Kernel;

namespace FastMmu.Cli.Commands;

/// <summary>The kernels that commands know by name.</summary>
internal static class KernelOption
{
    /// <summary>The kernel that runs where no other is asked for.</summary>
    public const string Usual = "x86_64";

    /// <summary>What each name stands for.</summary>
    public const string Meaning = "x86_64 (four levels), x86_64-la57 (five), i386 (two) or i386-pae (three)";

    private static readonly Dictionary<string, KernelArchitecture> s_architectures = new()
    {
        [Usual] = KernelArchitecture.X8664,
        ["x86_64-la57"] = KernelArchitecture.X8664La57,
        ["i386"] = KernelArchitecture.I386,
        ["i386-pae"] = KernelArchitecture.I386Pae,
    };

    /// <summary>An option that takes a kernel's name.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it is about; names and <see cref="Meaning"/> are added.</param>
    public static Option<string?> Create(string name, string description)
    {
        var option = new Option<string?>(name) { Description = $"{description} {Meaning}.", HelpName = "KIND" };
        option.AcceptOnlyFromAmong([.. s_architectures.Keys]);
        return option;
    }

    /// <summary>The architecture of a name.</summary>
    /// <param name="name">One of the names; null for <see cref="Usual"/>.</param>
    public static KernelArchitecture Of(string? name) => s_architectures[name ?? Usual];

    /// <summary>The name of an architecture.</summary>
    public static string NameOf(KernelArchitecture architecture) => s_architectures.First(a => a.Value == architecture).Key;
}
