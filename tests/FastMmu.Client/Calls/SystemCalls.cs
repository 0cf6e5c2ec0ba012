using FastMmu.Client.Processes;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <summary>The system calls: memory's go to the <see cref="AddressSpace"/>, files' to this computer's kernel, processes' are the client's own.</summary>
internal sealed partial class SystemCalls
{
    /// <summary>The call waits; it is made again later.</summary>
    public const long Blocked = long.MinValue;

    /// <summary>Nothing is returned: the registers are right already, or the process has gone.</summary>
    public const long NoResult = long.MinValue + 1;

    public const int EINTR = 4;
    private const int ECHILD = 10;
    private const int ESRCH = 3;
    private const int ERANGE = 34;

    private readonly GuestKernel _kernel;

    public SystemCalls(GuestKernel kernel) => _kernel = kernel;

    /// <summary>Makes a call.</summary>
    /// <returns>What the program finds in RAX, <see cref="Blocked"/> or <see cref="NoResult"/>.</returns>
    public long Execute(Process process, CallArguments call)
    {
        if (TryMemory(process, call, out long result))
        {
            _kernel.MemoryCalls++;
            // What Unicorn still has must be what the tables say now.
            process.Cpu.Audit();
            return result;
        }

        if (TryFile(process, call, out result) || TryProcess(process, call, out result) || TrySignal(process, call, out result))
        {
            return result;
        }

        if (HostCall.Find(call.Number) is { } host)
        {
            return host.Make(process, call);
        }

        _kernel.Refused[call.Number] = _kernel.Refused.GetValueOrDefault(call.Number) + 1;
        return -Errno.ENOSYS;
    }
}
