using FastMmu.Linux.Mm;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>Makes recorded calls.</summary>
internal static class CallRunner
{
    /// <summary>Makes a system call.</summary>
    /// <param name="mm">The address space of the process that makes it.</param>
    /// <param name="call">The call; one that the kernel itself answers.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The raw answer.</returns>
    public static long SystemCall(AddressSpace mm, TraceCall call, in TraceArguments arguments)
    {
        ulong first = arguments[0], second = arguments[1], third = arguments[2];
        return call switch
        {
            TraceCall.Brk => mm.Brk(first),
            TraceCall.Mmap => mm.Mmap(first, second, (int)third, (uint)arguments[3], (int)arguments[4], arguments[5]),
            TraceCall.Munmap => mm.Munmap(first, second),
            TraceCall.Mprotect => mm.Mprotect(first, second, (int)third),
            TraceCall.Mremap => mm.Mremap(first, second, third, (uint)arguments[3], arguments[4]),
            TraceCall.Madvise => mm.Madvise(first, second, (int)third),
            TraceCall.Mlock => mm.Mlock(first, second),
            TraceCall.Mlock2 => mm.Mlock2(first, second, (int)third),
            TraceCall.Munlock => mm.Munlock(first, second),
            TraceCall.Mlockall => mm.Mlockall((int)first),
            TraceCall.Munlockall => mm.Munlockall(),
            TraceCall.Msync => mm.Msync(first, second, (int)third),
            TraceCall.Mseal => mm.Mseal(first, second, third),
            TraceCall.RemapFilePages => mm.RemapFilePages(first, second, (int)third, arguments[3], (uint)arguments[4]),
            TraceCall.Prctl => mm.Prctl((int)first, second, third, arguments[3], arguments[4]),
            TraceCall.Ftruncate => mm.Ftruncate((int)first, second),
            TraceCall.Setrlimit => mm.SetRlimit((int)first, second, third),
            _ => throw new ArgumentOutOfRangeException(nameof(call)),
        };
    }
}
