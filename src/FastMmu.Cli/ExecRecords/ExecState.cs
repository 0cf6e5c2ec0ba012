using FastMmu.Linux.Exec;

namespace FastMmu.Cli.ExecRecords;

/// <summary>The recorded state of a program before its first instruction.</summary>
internal sealed record ExecState
{
    /// <summary>Registers by name.</summary>
    public required IReadOnlyDictionary<string, ulong> Registers { get; init; }

    /// <summary>64 or 32.</summary>
    public required int Bits { get; init; }

    /// <summary>The areas, [vsyscall] included.</summary>
    public required IReadOnlyList<ExecArea> Areas { get; init; }

    /// <summary>Counters in kB, by the names of /proc/PID/status.</summary>
    public required IReadOnlyDictionary<string, long> Counters { get; init; }

    /// <summary>Limits of code, data, heap, stack, arguments and environment.</summary>
    public required IReadOnlyDictionary<string, ulong> Places { get; init; }

    /// <summary>The task's name.</summary>
    public required string Comm { get; init; }

    /// <summary>The auxiliary vector as /proc/PID/auxv shows it.</summary>
    public required IReadOnlyList<AuxiliaryEntry> AuxiliaryVector { get; init; }

    /// <summary>Pages that are mapped, with their flags.</summary>
    public required IReadOnlyList<(ulong Page, int Flags)> Present { get; init; }

    /// <summary>Where the stack pointer stood.</summary>
    public required ulong StackPointer { get; init; }

    /// <summary>The end of the stack.</summary>
    public required ulong StackTop { get; init; }

    /// <summary>The bytes from the one to the other, or the first of them.</summary>
    public required byte[] StackBytes { get; init; }

    /// <summary>SHA-256 of all of them.</summary>
    public required string StackHash { get; init; }

    /// <summary>For each area's start, a digest of each of its first pages.</summary>
    public required IReadOnlyList<(ulong Start, string[] Pages)> Pages { get; init; }
}
