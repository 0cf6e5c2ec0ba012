using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>How a program is executed, besides its path, arguments and environment.</summary>
public sealed record ExecOptions
{
    /// <summary>Randomised addresses, or fixed ones.</summary>
    public AslrSeed Aslr { get; init; }

    /// <summary>Limits, credentials and personality of the new process; those of a user at login if not given. Not used when a task executes.</summary>
    public ProcessContext? Context { get; init; }

    /// <summary>What PR_SET_MDWE has put in force in the process that executes; with <see cref="DenyWriteExec.NoInherit"/> it ends here. Not used when a task executes.</summary>
    public DenyWriteExec DenyWriteExec { get; init; }

    /// <summary>The file to execute, where the caller has it open (execveat with AT_EMPTY_PATH); the path is then <c>/dev/fd/N</c>.</summary>
    public ProgramFile? OpenFile { get; init; }

    /// <summary>The 16 bytes that AT_RANDOM shows; taken from <see cref="Aslr"/> if not given, and zeros without it.</summary>
    public ReadOnlyMemory<byte> RandomBytes { get; init; }
}
