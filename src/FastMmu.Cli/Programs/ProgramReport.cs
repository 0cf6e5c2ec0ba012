using FastMmu.Cli.Report;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Paging.Mapping;

namespace FastMmu.Cli.Programs;

/// <summary>A program laid out as execve does it, and what its pages cost.</summary>
internal sealed record ProgramReport
{
    /// <summary>The path that was executed.</summary>
    public required string Path { get; init; }

    /// <summary>The kernel's release.</summary>
    public required string Release { get; init; }

    /// <summary>Which kernel.</summary>
    public required KernelKind Architecture { get; init; }

    /// <summary>Randomised, and from which number.</summary>
    public required AslrSeed Aslr { get; init; }

    /// <summary>The task's name.</summary>
    public required string Comm { get; init; }

    /// <summary>64 or 32.</summary>
    public required int Bits { get; init; }

    /// <summary>Addresses of code, data, heap, stack, arguments and environment, by the kernel's names.</summary>
    public required IReadOnlyList<(string Name, ulong Start, ulong End)> Places { get; init; }

    /// <summary>The end of user addresses.</summary>
    public required ulong TaskSize { get; init; }

    /// <summary>Where mmap begins.</summary>
    public required ulong MmapBase { get; init; }

    /// <summary>The registers.</summary>
    public required StartRegisters Registers { get; init; }

    /// <summary>The auxiliary vector.</summary>
    public required IReadOnlyList<AuxiliaryEntry> AuxiliaryVector { get; init; }

    /// <summary>The areas.</summary>
    public required IReadOnlyList<ProgramArea> Areas { get; init; }

    /// <summary>The counters before the first instruction.</summary>
    public required MemoryStatus Before { get; init; }

    /// <summary>The counters after every page was touched.</summary>
    public required MemoryStatus After { get; init; }

    /// <summary>The touching.</summary>
    public required TouchCount Touched { get; init; }

    /// <summary>What tables of other depths would cost for the same pages.</summary>
    public required IReadOnlyList<TableCost> Costs { get; init; }

    /// <summary>Page tables in use, of all levels.</summary>
    public required long Tables { get; init; }

    /// <summary>The kernel's half; null where there is none.</summary>
    public required KernelPart? Kernel { get; init; }

    /// <summary>How many of the mapped pages lie in which zone.</summary>
    public required IReadOnlyList<(ZoneType Zone, long Pages)> Zones { get; init; }

    /// <summary>Every mapped page, translated in several ways.</summary>
    public required IReadOnlyList<TranslationRun> Translations { get; init; }

    /// <summary>The time of execve.</summary>
    public required TimeSpan ExecTime { get; init; }

    /// <summary>Pages whose translation is not what the tables say.</summary>
    public int Wrong => Translations.Sum(t => t.Wrong);
}
