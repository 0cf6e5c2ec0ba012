using System.Globalization;
using FastMmu.Client.Calls;
using FastMmu.Client.Processors;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Processes;

/// <content>Who runs, and what happens between two stretches of a program.</content>
internal sealed partial class GuestKernel
{
    /// <summary>Lets all processes run until they have exited.</summary>
    /// <returns>The status of the first, as wait4 gives it.</returns>
    public int Run()
    {
        while (_processes.Any(p => !p.HasExited))
        {
            bool progress = false;
            for (int i = 0; i < _processes.Count; i++)
            {
                Process process = _processes[i];
                if (!process.HasExited && !process.HasLent && Resume(process))
                {
                    progress = true;
                    Execute(process);
                }
            }

            if (!progress)
            {
                Thread.Sleep(1);
            }
        }

        return _processes[0].Status!.Value;
    }

    // Whether the process can go on: it waits for nothing, or what it waited for is there.
    private bool Resume(Process process)
    {
        if (process.Waiting is not { } call)
        {
            return true;
        }

        long result = _calls.Execute(process, call);
        if (result == SystemCalls.Blocked)
        {
            if ((process.Signals.Pending & ~process.Signals.Blocked) == 0)
            {
                return false;
            }

            result = -SystemCalls.EINTR;
        }

        process.Waiting = null;
        process.Deadline = null;
        Return(process, call, result);
        return !process.HasExited;
    }

    private void Execute(Process process)
    {
        while (!process.HasExited && !process.HasLent)
        {
            if (process.Cpu.Run() == CpuExit.Signal)
            {
                FaultOutcome fault = process.Cpu.Signal;
                bool isBlocked = (process.Signals.Blocked & (1UL << (fault.Signal - 1))) != 0;
                if (isBlocked || !process.Signals.IsHandled(fault.Signal) || !SignalFrame.TryPush(process, fault.Signal, fault))
                {
                    Exit(process, fault.Signal);
                    return;
                }

                continue;
            }

            Calls++;
            CallArguments call = CallArguments.Of(process.Cpu);
            long result = _calls.Execute(process, call);
            if (result == SystemCalls.Blocked)
            {
                process.Waiting = call;
                return;
            }

            Return(process, call, result);
        }
    }

    // The way back to the program: what SYSCALL leaves in the registers, then the signals.
    private void Return(Process process, CallArguments call, long result)
    {
        Trace?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"[{process.Lineage}] {call.Number}({call.A:x}, {call.B:x}, {call.C:x}, {call.D:x}, {call.E:x}, {call.F:x}){Answer(result)}"));
        if (process.HasExited)
        {
            return;
        }

        if (result != SystemCalls.NoResult)
        {
            Cpu cpu = process.Cpu;
            cpu[Register.Rax] = (ulong)result;
            cpu[Register.Rcx] = cpu[Register.Rip];
            cpu[Register.R11] = cpu[Register.Flags];
        }

        for (int signal = process.Signals.Take(); signal != 0 && !process.HasExited; signal = process.Signals.Take())
        {
            if (!process.Signals.IsHandled(signal))
            {
                if (process.Signals.Matters(signal))
                {
                    Exit(process, signal);
                }
            }
            else if (!SignalFrame.TryPush(process, signal))
            {
                Exit(process, FaultOutcome.Segv);
            }
        }
    }

    private static string Answer(long result) => result switch
    {
        SystemCalls.NoResult => "",
        < 0 => string.Create(CultureInfo.InvariantCulture, $" = {result}"),
        _ => string.Create(CultureInfo.InvariantCulture, $" = 0x{result:x}"),
    };
}
