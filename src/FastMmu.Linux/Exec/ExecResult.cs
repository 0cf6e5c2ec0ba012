using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>What an execve led to.</summary>
public readonly record struct ExecResult
{
    private readonly Mm.Task? _task;

    private ExecResult(ExecStatus status, int error, Mm.Task? task) => (Status, Error, _task) = (status, error, task);

    /// <summary>How it ended.</summary>
    public ExecStatus Status { get; }

    /// <summary>The error number (<see cref="Errno"/>) that was returned, or that killed; 0 for a started program.</summary>
    public int Error { get; }

    /// <summary>Whether the program stands before its first instruction.</summary>
    public bool IsStarted => Status == ExecStatus.Started;

    /// <summary>The task that runs the program.</summary>
    /// <exception cref="InvalidOperationException">It was not started.</exception>
    public Mm.Task Task => _task ?? throw new InvalidOperationException($"No program was started: {this}.");

    /// <summary>A started program.</summary>
    internal static ExecResult Started(Mm.Task task) => new(ExecStatus.Started, 0, task);

    /// <summary>An error that the caller sees.</summary>
    internal static ExecResult Refused(int error) => new(ExecStatus.Refused, error, null);

    /// <summary>An error behind the point of no return.</summary>
    internal static ExecResult Killed(int error) => new(ExecStatus.Killed, error, null);

    /// <summary><c>ok</c>, <c>-ENOEXEC</c> and the like, or <c>killed:SIGSEGV</c>.</summary>
    public override string ToString() => Status switch
    {
        ExecStatus.Started => "ok",
        ExecStatus.Killed => "killed:SIGSEGV",
        _ => "-" + ErrnoName.Of(Error),
    };
}
