namespace FastMmu.Client.Processes;

/// <summary>What a process does about signals.</summary>
internal sealed class SignalState
{
    public const int Kill = 9;
    public const int Pipe = 13;
    public const int Child = 17;
    private const ulong Default = 0;
    private const ulong Ignore = 1;

    /// <summary>struct sigaction of the kernel, by number.</summary>
    public Action[] Actions { get; } = new Action[65];

    /// <summary>Signals that wait for their end of being blocked, bit n - 1.</summary>
    public ulong Blocked { get; set; }

    /// <summary>What was blocked before rt_sigsuspend; null outside of it.</summary>
    public ulong? SuspendedMask { get; set; }

    /// <summary>Signals that have come, bit n - 1.</summary>
    public ulong Pending { get; set; }

    public SignalState Copy()
    {
        var copy = new SignalState { Blocked = Blocked };
        Actions.CopyTo(copy.Actions, 0);
        return copy;
    }

    /// <summary>After execve there are no handlers; what is ignored stays ignored.</summary>
    public void Exec()
    {
        for (int i = 0; i < Actions.Length; i++)
        {
            Actions[i] = Actions[i].Handler == Ignore ? new Action(Ignore, 0, 0, 0) : default;
        }
    }

    /// <summary>Whether a signal would do something.</summary>
    public bool Matters(int signal) => Actions[signal].Handler switch
    {
        Ignore => false,
        Default => !IsIgnoredByDefault(signal),
        _ => true,
    };

    /// <summary>Whether a program's own function takes it.</summary>
    public bool IsHandled(int signal) => Actions[signal].Handler > Ignore;

    /// <summary>Takes the next signal that is not blocked.</summary>
    public int Take()
    {
        ulong ready = Pending & ~Blocked;
        if (ready == 0)
        {
            return 0;
        }

        int bit = System.Numerics.BitOperations.TrailingZeroCount(ready);
        Pending &= ~(1UL << bit);
        return bit + 1;
    }

    public void Send(int signal)
    {
        if (Matters(signal))
        {
            Pending |= 1UL << (signal - 1);
        }
    }

    // SIGCHLD, SIGCONT, SIGURG, SIGWINCH; stopping is not modelled.
    private static bool IsIgnoredByDefault(int signal) => signal is 17 or 18 or 19 or 20 or 21 or 22 or 23 or 28;

    /// <summary>An action.</summary>
    /// <param name="Handler">SIG_DFL 0, SIG_IGN 1, or a function.</param>
    /// <param name="Flags">SA_*.</param>
    /// <param name="Restorer">Where the handler returns to.</param>
    /// <param name="Mask">What is blocked meanwhile.</param>
    internal readonly record struct Action(ulong Handler, ulong Flags, ulong Restorer, ulong Mask);
}
