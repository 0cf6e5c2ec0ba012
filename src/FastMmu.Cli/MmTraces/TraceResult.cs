namespace FastMmu.Cli.MmTraces;

/// <summary>What kind of answer a call has.</summary>
internal enum ResultKind : byte
{
    /// <summary>A raw system-call value, -errno included.</summary>
    Value,

    /// <summary>The tracer did what was asked for.</summary>
    Done,

    /// <summary>A new process, whose index is the value.</summary>
    Child,

    /// <summary>A signal: its number is the value, its si_code and si_addr are beside it.</summary>
    Signal,
}

/// <summary>The answer to one call.</summary>
/// <param name="Kind">What kind of answer it is.</param>
/// <param name="Value">The raw value, the child's index or the signal's number.</param>
/// <param name="Code">si_code of a signal.</param>
/// <param name="Address">si_addr of a signal.</param>
internal readonly record struct TraceResult(ResultKind Kind, long Value = 0, int Code = 0, ulong Address = 0)
{
    /// <summary>SIGBUS.</summary>
    public const long SignalBus = 7;

    /// <summary>SIGSEGV.</summary>
    public const long SignalSegv = 11;

    public override string ToString() => Kind switch
    {
        ResultKind.Done => "ok",
        ResultKind.Child => $"p{Value}",
        ResultKind.Signal => $"{(Value == SignalBus ? "SIGBUS" : "SIGSEGV")} code {Code} at 0x{Address:x}",
        _ when Value is < 0 and >= -4095 => ErrnoNames.Signed(Value),
        _ => $"0x{Value:x}",
    };
}
