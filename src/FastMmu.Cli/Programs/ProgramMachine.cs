using System.Diagnostics;
using FastMmu.Cli.MmTraces;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.Programs;

/// <summary>A machine of the tool's own with Linux on it, and one program to execute.</summary>
internal sealed class ProgramMachine : IDisposable
{
    /// <summary>Its memory.</summary>
    public const ulong MemoryBytes = 1UL << 30;

    private readonly ProgramChoice _program;
    private readonly IReadOnlyList<string> _arguments;

    /// <summary>Starts the kernel.</summary>
    /// <param name="program">What will be executed.</param>
    /// <param name="arguments">Its arguments, its name first.</param>
    /// <param name="profile">The kernel's release.</param>
    /// <param name="aslr">Randomised addresses of programs and kernel, or fixed ones.</param>
    /// <param name="kernel">Which kernel.</param>
    public ProgramMachine(
        ProgramChoice program, IReadOnlyList<string> arguments, KernelProfile profile, AslrSeed aslr, KernelKind kernel)
    {
        _program = program;
        _arguments = arguments;
        Aslr = aslr;
        Memory = PhysicalMemory.Create(MemoryBytes);
        Linux = kernel.Start(Memory, profile, aslr);
        Linux.Settings.TotalRamPages = MemoryBytes >> 12;
        Linux.ExecSettings.Files = program.Files;
    }

    /// <summary>Its memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Its kernel.</summary>
    public LinuxMachine Linux { get; }

    /// <summary>The kernel's half of the address space.</summary>
    /// <exception cref="InvalidOperationException">The kind of kernel has none.</exception>
    public KernelSpace Kernel => Linux.Kernel ?? throw new InvalidOperationException("The machine has no kernel's half.");

    /// <summary>Randomised, and from which number.</summary>
    public AslrSeed Aslr { get; }

    /// <summary>The time of the last execve.</summary>
    public TimeSpan ExecTime { get; private set; }

    /// <summary>Executes the program: a new process, which is laid out as every other one of this machine.</summary>
    /// <exception cref="InputException">It cannot be executed.</exception>
    public LinuxTask Execute()
    {
        long start = Stopwatch.GetTimestamp();
        ExecResult result = Linux.Exec(_program.Path, _arguments, ["PATH=/usr/bin:/bin", "HOME=/"], new ExecOptions { Aslr = Aslr });
        ExecTime = Stopwatch.GetElapsedTime(start);
        return result.IsStarted ? result.Task : throw new InputException($"{_program.Path}: {Explain(result)}");
    }

    public void Dispose()
    {
        Linux.Pages.Dispose();
        Memory.Dispose();
    }

    private static string Explain(ExecResult result)
    {
        string name = ErrnoNames.Signed(-result.Error)[1..];
        string meaning = result.Error switch
        {
            Errno.ENOENT => "no such file, or its interpreter is missing",
            Errno.EACCES => "not a file that may be executed",
            Errno.ENOEXEC => "not an ELF program or a script that this kernel runs",
            Errno.ELIBBAD => "its interpreter is not a usable ELF file",
            Errno.EIO => "the file ends too early",
            Errno.E2BIG => "too many arguments",
            Errno.ELOOP => "too many interpreters or links",
            Errno.ENOTDIR => "a part of the path is not a directory",
            Errno.ENAMETOOLONG => "the path is too long",
            Errno.ENOMEM => "it does not fit into memory or address space",
            _ => "it cannot be loaded",
        };
        return result.Status == ExecStatus.Killed ? $"killed by SIGSEGV while it was loaded ({name}: {meaning})" : $"{name}: {meaning}";
    }
}
