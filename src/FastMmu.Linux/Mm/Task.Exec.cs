using FastMmu.Linux.Exec;

namespace FastMmu.Linux.Mm;

/// <content>execve.</content>
public sealed partial class Task
{
    /// <summary>The registers before the first instruction of the program that it executed.</summary>
    public StartRegisters Registers { get; internal set; }

    /// <summary>execve: puts a program in place of the one that runs.</summary>
    /// <remarks>MMUs that worked in the old address space (<see cref="AddressSpace.Attach"/>) work in the new one afterwards.</remarks>
    /// <param name="path">The program.</param>
    /// <param name="argv">Its arguments, its name first.</param>
    /// <param name="envp">Its environment.</param>
    /// <param name="options">Randomisation and an open file; the context given there is not used.</param>
    /// <returns>This task before the program's first instruction; or an error, and everything is as it was; or killed, and the task has exited.</returns>
    public ExecResult Exec(string path, IReadOnlyList<string> argv, IReadOnlyList<string>? envp = null, ExecOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(argv);
        ExecCall call = new(Mm.Machine, Context, path, (options ?? new ExecOptions()) with { DenyWriteExec = Mm.DenyWriteExec });
        int error = call.Run(argv, envp ?? []);
        if (error != 0)
        {
            ExecResult failed = call.Fail(error);
            if (failed.Status == ExecStatus.Killed)
            {
                Exit();
            }

            return failed;
        }

        AddressSpace old = Mm;
        // A processor that worked in the old address space works in the new one (exec_mmap).
        foreach (Mmu mmu in old.Machine.LoadedSpaces.Where(l => l.Value == old).Select(l => l.Key).ToArray())
        {
            call.Mm.Attach(mmu);
        }

        // Other threads of the process do not survive an execve, and nobody else has the address space.
        old.Dispose();
        (Mm, Comm, Registers) = (call.Mm, call.Comm, call.Registers);
        return ExecResult.Started(this);
    }
}
