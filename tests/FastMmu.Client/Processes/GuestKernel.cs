using FastMmu.Client.Calls;
using FastMmu.Client.Host;
using FastMmu.Client.Processors;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using FastMmu.Memory;
using static FastMmu.Addresses.ByteSize;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Client.Processes;

/// <summary>The kernel that the programs see: FastMmu.Linux for memory, this computer's kernel for files, and processes that take turns.</summary>
internal sealed partial class GuestKernel : IDisposable
{
    private const int FirstId = 1000;
    private const int MostProcesses = 64;
    private readonly Unicorn _unicorn;
    private readonly PhysicalMemory _memory;
    private readonly ProcessPrograms _programs = new();
    private readonly SystemCalls _calls;
    private readonly List<Process> _processes = [];

    public GuestKernel(Unicorn unicorn)
    {
        _unicorn = unicorn;
        _memory = PhysicalMemory.Create(512 * MiB);
        Machine = new LinuxMachine(_memory);
        Machine.ExecSettings.Files = _programs;
        HostLayout.CopyTo(Machine.ExecSettings);
        Machine.Settings.AnonymousNames = HostKernel.HasAnonymousNames;
        _calls = new SystemCalls(this);
    }

    public LinuxMachine Machine { get; }

    public CpuCounters Counters { get; } = new();

    /// <summary>System calls that nobody answers, and how often each was made.</summary>
    public SortedDictionary<int, int> Refused { get; } = [];

    /// <summary>System calls made.</summary>
    public long Calls { get; private set; }

    /// <summary>Memory calls among them.</summary>
    public long MemoryCalls { get; set; }

    /// <summary>All processes that there were.</summary>
    public IReadOnlyList<Process> Processes => _processes;

    /// <summary>Where every call is written, or null.</summary>
    public TextWriter? Trace { get; init; }

    /// <summary>Starts the first process.</summary>
    /// <returns>0, or an error number negated.</returns>
    public long Start(string path, IReadOnlyList<string> argv, IReadOnlyList<string> envp)
    {
        ProcessContext context = HostLayout.Context();
        _programs.Opened = null;
        ExecResult result = Machine.Exec(path, argv, envp, new ExecOptions { Context = context });
        if (!result.IsStarted)
        {
            return -result.Error;
        }

        var process = new Process(FirstId, null, result.Task, StartCpu(result.Task), _programs.Opened!) { Context = context, Name = result.Task.Comm };
        for (int descriptor = 0; descriptor < 3; descriptor++)
        {
            var description = new HostDescription(descriptor);
            // Those of this process itself stay open when the programs have closed them.
            description.Hold();
            process.Descriptors.Set(descriptor, description, closeOnExec: false);
        }

        _processes.Add(process);
        return 0;
    }

    /// <summary>fork and vfork.</summary>
    public long Fork(Process parent, bool sharesMemory, ulong stack, ulong idAddress)
    {
        // Each has a processor of its own, whose translated code takes the host's memory.
        if (_processes.Count(p => !p.HasExited) >= MostProcesses)
        {
            return -Errno.EAGAIN;
        }

        int id = FirstId + _processes.Count;
        LinuxTask? task = new(parent.Mm, id, parent.Name);
        if (!sharesMemory)
        {
            long error = parent.Task.Fork(id, out task);
            if (task is null)
            {
                return error;
            }
        }

        var cpu = new Cpu(_unicorn, task.Mm, Counters);
        RegisterSet.Of(parent.Cpu).CopyTo(cpu);
        cpu[Register.Rax] = 0;
        if (stack != 0)
        {
            cpu[Register.Rsp] = stack;
        }

        var child = new Process(id, parent, task, cpu, parent.Executable)
        {
            Context = sharesMemory ? parent.Context.Copy() : task.Context,
            Descriptors = parent.Descriptors.Copy(),
            Signals = parent.Signals.Copy(),
            WorkingDirectory = parent.WorkingDirectory,
            Name = parent.Name,
            Lender = sharesMemory ? parent : null,
        };
        parent.HasLent = sharesMemory;
        _processes.Add(child);
        if (idAddress != 0)
        {
            child.TryWrite(idAddress, BitConverter.GetBytes(id));
        }

        parent.Cpu.Audit();
        return id;
    }

    /// <summary>execve.</summary>
    public long Exec(Process process, string path, IReadOnlyList<string> argv, IReadOnlyList<string> envp)
    {
        _programs.Caller = process;
        _programs.Opened = null;
        ExecResult result = Machine.Exec(path, argv, envp, new ExecOptions { Context = process.Context, DenyWriteExec = process.Mm.DenyWriteExec });
        _programs.Caller = null;
        if (result.Status == ExecStatus.Refused)
        {
            return -result.Error;
        }

        if (result.Status == ExecStatus.Killed)
        {
            Exit(process, FaultOutcome.Segv);
            return SystemCalls.NoResult;
        }

        ReleaseMemory(process);
        process.Descriptors.CloseForExec();
        process.Signals.Exec();
        process.Become(result.Task, StartCpu(result.Task), _programs.Opened!);
        return SystemCalls.NoResult;
    }

    /// <summary>Ends a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="status">As wait4 gives it: the exit code times 256, or the signal.</param>
    public void Exit(Process process, int status)
    {
        process.MapsAtExit = process.Mm.ToProcMaps(HostLayout.Vsyscall);
        process.MemoryAtExit = (process.Mm.Tables.Rss, process.Mm.Tables.TableBytes);
        process.Status = status;
        ReleaseMemory(process);
        process.Descriptors.CloseAll();
        foreach (Process child in _processes.Where(p => p.Parent == process))
        {
            child.Parent = null;
        }

        process.Parent?.Signals.Send(SignalState.Child);
    }

    /// <summary>The process with a number that has not exited.</summary>
    public Process? Find(int id) => _processes.Find(p => p.Id == id && !p.HasExited);

    public void Dispose()
    {
        foreach (Process process in _processes.Where(p => !p.HasExited))
        {
            process.Cpu.Dispose();
        }

        _memory.Dispose();
    }

    private Cpu StartCpu(LinuxTask task)
    {
        var cpu = new Cpu(_unicorn, task.Mm, Counters);
        cpu[Register.Rip] = task.Registers.InstructionPointer;
        cpu[Register.Rsp] = task.Registers.StackPointer;
        cpu[Register.Flags] = task.Registers.Flags;
        return cpu;
    }

    private static void ReleaseMemory(Process process)
    {
        process.Cpu.Audit();
        process.Cpu.Dispose();
        if (process.Lender is { } lender)
        {
            lender.HasLent = false;
            process.Lender = null;
        }
        else
        {
            process.Mm.Dispose();
        }
    }
}
