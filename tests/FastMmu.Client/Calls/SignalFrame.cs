using System.Buffers.Binary;
using FastMmu.Client.Processes;
using FastMmu.Client.Processors;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <summary>What a signal handler finds on its stack, and the way back (struct rt_sigframe).</summary>
/// <remarks>
/// <code>
/// rsp    0   address to return to: the restorer, which calls rt_sigreturn
///        8   uc_flags, uc_link, uc_stack                       40 bytes
///       48   r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags, selectors, error, trap, mask, cr2, fpstate     256 bytes
///      304   uc_sigmask
///      312   siginfo                                           128 bytes
/// </code>
/// Registers are put aside outside the program's memory, so a handler cannot change what it returns to.
/// </remarks>
internal static class SignalFrame
{
    private const int Bytes = 440;
    private const int ContextAt = 8;
    private const int InfoAt = 312;
    private const int RedZone = 128;
    private const ulong NoDefer = 0x4000_0000;
    private const ulong ResetHandler = 0x8000_0000;

    /// <summary>Makes the program continue in its handler.</summary>
    /// <param name="process">The program.</param>
    /// <param name="signal">The signal.</param>
    /// <param name="cause">The fault that it is about, if it is: si_code and si_addr.</param>
    /// <returns>False where the stack cannot be written.</returns>
    public static bool TryPush(Process process, int signal, FaultOutcome cause = default)
    {
        SignalState.Action action = process.Signals.Actions[signal];
        Cpu cpu = process.Cpu;
        byte[] frame = new byte[Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(frame, action.Restorer);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(48 + (16 * 8)), cpu[Register.Rip]);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(304), process.Signals.SuspendedMask ?? process.Signals.Blocked);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(InfoAt), signal);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(InfoAt + 8), cause.Code);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(InfoAt + 16), cause.Address);
        // As at a function's entry: 8 more than a multiple of 16.
        ulong stack = ((cpu[Register.Rsp] - RedZone - Bytes) & ~15UL) - 8;
        if (!process.TryWrite(stack, frame))
        {
            return false;
        }

        process.Interrupted.Push(RegisterSet.Of(cpu));
        process.Signals.Blocked = process.Signals.SuspendedMask ?? process.Signals.Blocked;
        process.Signals.SuspendedMask = null;
        process.Signals.Blocked |= action.Mask | ((action.Flags & NoDefer) == 0 ? 1UL << (signal - 1) : 0);
        if ((action.Flags & ResetHandler) != 0)
        {
            process.Signals.Actions[signal] = default;
        }

        cpu[Register.Rsp] = stack;
        cpu[Register.Rip] = action.Handler;
        cpu[Register.Rdi] = (ulong)signal;
        cpu[Register.Rsi] = stack + InfoAt;
        cpu[Register.Rdx] = stack + ContextAt;
        cpu[Register.Rax] = 0;
        return true;
    }

    /// <summary>rt_sigreturn.</summary>
    /// <returns>False where nothing was interrupted.</returns>
    public static bool TryPop(Process process)
    {
        // The handler's RET has taken the restorer's address off.
        if (!process.Interrupted.TryPop(out RegisterSet? registers) || !process.TryRead(process.Cpu[Register.Rsp] + 296, out ulong mask))
        {
            return false;
        }

        process.Signals.Blocked = mask;
        registers.CopyTo(process.Cpu);
        return true;
    }
}
