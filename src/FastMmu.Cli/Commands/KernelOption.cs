using System.CommandLine;
using FastMmu.Cli.Programs;
using FastMmu.Linux.Kernel;

namespace FastMmu.Cli.Commands;

/// <summary>The kernels that commands know by name.</summary>
internal static class KernelOption
{
    /// <summary>The kernel that runs where no other is asked for.</summary>
    public static readonly string Usual = KernelKind.X8664.Name;

    private const string Halves = "x86_64 (four levels), x86_64-la57 (five), i386 (two) or i386-pae (three)";

    /// <summary>An option that takes the name of a kernel with a half of its own.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it is about; names and their meanings are added.</param>
    public static Option<string?> Create(string name, string description) => Create(name, $"{description} {Halves}.", KernelKind.WithHalf);

    /// <summary>An option that takes such a name, or <c>user</c>.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it is about; names and their meanings are added.</param>
    public static Option<string?> CreateWithUser(string name, string description) => Create(
        name, $"{description} {Halves}. Or {KernelKind.User.Name}: no kernel, and no page tables in guest memory.", [.. KernelKind.WithHalf, KernelKind.User]);

    /// <summary>The architecture of a name.</summary>
    /// <param name="name">One of the names with a half; null for <see cref="Usual"/>.</param>
    public static KernelArchitecture Of(string? name) => KindOf(name ?? Usual).Half!.Value;

    /// <summary>The kind of a name.</summary>
    /// <param name="name">One of the names; null for <see cref="KernelKind.ProgramOnly"/>.</param>
    public static KernelKind KindOf(string? name) =>
        name is null ? KernelKind.ProgramOnly : KernelKind.WithHalf.FirstOrDefault(kind => kind.Name == name, KernelKind.User);

    private static Option<string?> Create(string name, string description, IReadOnlyList<KernelKind> kinds)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "KIND" };
        option.AcceptOnlyFromAmong([.. kinds.Select(kind => kind.Name)]);
        return option;
    }
}
