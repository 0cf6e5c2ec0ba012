using FastMmu.Client.Processes;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <content>Signals. Handlers run when a call returns, or in place of an instruction that faulted.</content>
internal sealed partial class SystemCalls
{
    private const int Signals = 64;

    private bool TrySignal(Process process, CallArguments call, out long result)
    {
        (ulong a, ulong b, ulong c) = (call.A, call.B, call.C);
        long? answer = call.Number switch
        {
            13 => SetAction(process, (int)a, b, c),
            14 => SetMask(process, (int)a, b, c),
            15 => Return(process),
            34 => Blocked,                              // pause
            37 => 0,                                    // alarm
            62 or 200 => Send(process, (int)a, (int)b),
            130 => Suspend(process, a),
            131 => 0,                                   // sigaltstack
            234 => Send(process, (int)b, (int)c),       // tgkill
            _ => null,
        };
        result = answer ?? 0;
        return answer is not null;
    }

    private static long SetAction(Process process, int signal, ulong action, ulong old)
    {
        if (signal is < 1 or > Signals || (action != 0 && signal is SignalState.Kill or 19))
        {
            return -Errno.EINVAL;
        }

        SignalState.Action before = process.Signals.Actions[signal];
        if (action != 0)
        {
            if (!process.TryRead(action, out ulong handler) || !process.TryRead(action + 8, out ulong flags)
                || !process.TryRead(action + 16, out ulong restorer) || !process.TryRead(action + 24, out ulong mask))
            {
                return -Errno.EFAULT;
            }

            process.Signals.Actions[signal] = new SignalState.Action(handler, flags, restorer, mask);
        }

        return old == 0 || (process.TryWrite(old, before.Handler) && process.TryWrite(old + 8, before.Flags)
            && process.TryWrite(old + 16, before.Restorer) && process.TryWrite(old + 24, before.Mask)) ? 0 : -Errno.EFAULT;
    }

    private static long SetMask(Process process, int how, ulong set, ulong old)
    {
        const ulong Unblockable = (1UL << (SignalState.Kill - 1)) | (1UL << 18);
        ulong before = process.Signals.Blocked;
        if (set != 0)
        {
            if (!process.TryRead(set, out ulong mask))
            {
                return -Errno.EFAULT;
            }

            process.Signals.Blocked = ~Unblockable & how switch
            {
                0 => before | mask,
                1 => before & ~mask,
                _ => mask,
            };
        }

        return old == 0 || process.TryWrite(old, before) ? 0 : -Errno.EFAULT;
    }

    private long Return(Process process)
    {
        if (!SignalFrame.TryPop(process))
        {
            _kernel.Exit(process, FaultOutcome.Segv);
        }

        return NoResult;
    }

    private long Send(Process process, int id, int signal)
    {
        Process? target = id == 0 ? process : _kernel.Find(Math.Abs(id));
        if (target is null)
        {
            return -ESRCH;
        }

        if (signal is < 0 or > Signals)
        {
            return -Errno.EINVAL;
        }

        if (signal != 0)
        {
            target.Signals.Send(signal);
        }

        return 0;
    }

    // The mask holds until a signal has come; the handler's end brings the old one back.
    private static long Suspend(Process process, ulong set)
    {
        if (!process.TryRead(set, out ulong mask))
        {
            return -Errno.EFAULT;
        }

        process.Signals.SuspendedMask ??= process.Signals.Blocked;
        process.Signals.Blocked = mask;
        return Blocked;
    }
}
