using FastMmu.Linux;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Cli.Programs;

/// <summary>What kind of kernel a machine of the tool's own is started with.</summary>
/// <param name="Name">How the user says it; empty for what nobody needs to say.</param>
/// <param name="Paging">The mode of its page tables.</param>
/// <param name="Half">Whose half of the address space is in them; null for none.</param>
internal sealed record KernelKind(string Name, PagingMode Paging, KernelArchitecture? Half)
{
    /// <summary>Page tables of four levels, and in them nothing but the program's part.</summary>
    public static readonly KernelKind ProgramOnly = new("", PagingMode.FourLevel, null);

    /// <summary>No page tables in guest memory at all, as emulators of user programs have it.</summary>
    public static readonly KernelKind User = new("user", PagingMode.None, null);

    /// <summary>A 64-bit kernel with four levels.</summary>
    public static readonly KernelKind X8664 = Of("x86_64", KernelArchitecture.X8664);

    /// <summary>The kinds that have a kernel's half.</summary>
    public static readonly IReadOnlyList<KernelKind> WithHalf =
    [
        X8664, Of("x86_64-la57", KernelArchitecture.X8664La57), Of("i386", KernelArchitecture.I386), Of("i386-pae", KernelArchitecture.I386Pae),
    ];

    /// <summary>Whether it runs 64-bit programs.</summary>
    public bool Is64Bit => Paging is not (PagingMode.TwoLevel or PagingMode.Pae);

    /// <summary>Starts it.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <param name="profile">Its release; the usual one if not given.</param>
    /// <param name="seed">Whether the kernel's own addresses are randomised.</param>
    public LinuxMachine Start(PhysicalMemory memory, KernelProfile? profile = null, AslrSeed seed = default) => Half is KernelArchitecture architecture
        ? new LinuxMachine(memory, KernelLayout.For(memory, new() { Architecture = architecture, Seed = seed }), profile)
        : new LinuxMachine(memory, profile) { Paging = Paging };

    private static KernelKind Of(string name, KernelArchitecture architecture) => new(name, architecture.Mode(), architecture);
}
