namespace FastMmu.Linux.Mm;

/// <summary>What became of a fault: the access can be tried again, or the process gets a signal.</summary>
/// <param name="Signal">The signal's number: <see cref="None"/>, <see cref="Kill"/>, <see cref="Bus"/> or <see cref="Segv"/>.</param>
/// <param name="Code">si_code.</param>
/// <param name="Address">si_addr.</param>
/// <remarks>Source: arch/x86/mm/fault.c; include/uapi/asm-generic/siginfo.h.</remarks>
public readonly record struct FaultOutcome(int Signal, int Code, ulong Address)
{
    /// <summary>No signal.</summary>
    public const int None = 0;

    /// <summary>SIGBUS.</summary>
    public const int Bus = 7;

    /// <summary>SIGKILL: memory is used up, or with <see cref="Endless"/> the program would fault for ever.</summary>
    public const int Kill = 9;

    /// <summary>SIGSEGV.</summary>
    public const int Segv = 11;

    /// <summary>si_code of SIGSEGV: nothing is mapped there (SEGV_MAPERR).</summary>
    public const int MapError = 1;

    /// <summary>si_code of SIGSEGV: the area does not allow it (SEGV_ACCERR).</summary>
    public const int AccessError = 2;

    /// <summary>si_code of SIGSEGV: the protection key does not allow it (SEGV_PKUERR).</summary>
    public const int KeyError = 4;

    /// <summary>si_code of SIGSEGV: a general-protection fault (SI_KERNEL); the address is not known.</summary>
    public const int Kernel = 128;

    /// <summary>si_code of SIGBUS: nothing is behind the address (BUS_ADRERR).</summary>
    public const int AddressError = 2;

    /// <summary>
    /// Beside <see cref="Kill"/>: the kernel found nothing to do, time and again, and the access faulted again. On a machine the program would
    /// go on so until somebody killed it. It takes page tables that were not written by the kernel alone, or an MMU whose registers are not the kernel's.
    /// </summary>
    public const int Endless = 1;

    /// <summary>The access can be tried again.</summary>
    public static FaultOutcome Resolved => default;

    /// <summary>Whether the access can be tried again.</summary>
    public bool IsResolved => Signal == None;

    /// <summary>As the traces say it: <c>ok</c>, or the signal with code and address.</summary>
    public override string ToString() => Signal switch
    {
        None => "ok",
        Bus => $"SIGBUS {Code} {Address:x}",
        Kill => Code == Endless ? $"SIGKILL, faults for ever at {Address:x}" : "SIGKILL",
        _ => $"SIGSEGV {Code} {Address:x}",
    };
}
