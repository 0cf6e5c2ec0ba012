using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux;

/// <content>Programs.</content>
public sealed partial class LinuxMachine
{
    private int _lastPid;

    /// <summary>What the processor and the kernel put into every new program, and where programs come from.</summary>
    public ExecSettings ExecSettings { get; } = new();

    /// <summary>Makes a process that executes a program (fork and execve).</summary>
    /// <param name="path">The program.</param>
    /// <param name="argv">Its arguments, its name first.</param>
    /// <param name="envp">Its environment, <c>NAME=value</c> each; empty if not given.</param>
    /// <param name="options">Randomisation, limits, credentials; fixed addresses and a user at login if not given.</param>
    /// <returns>The task before its first instruction; or what execve returned; or what it died of.</returns>
    public ExecResult Exec(string path, IReadOnlyList<string> argv, IReadOnlyList<string>? envp = null, ExecOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(argv);
        options ??= new ExecOptions();
        ExecCall call = new(this, options.Context ?? new ProcessContext(), path, options);
        int error = call.Run(argv, envp ?? []);
        if (error != 0)
        {
            return call.Fail(error);
        }

        return ExecResult.Started(new Mm.Task(call.Mm, ++_lastPid, call.Comm) { Registers = call.Registers });
    }
}
