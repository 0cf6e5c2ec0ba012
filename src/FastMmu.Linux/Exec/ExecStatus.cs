namespace FastMmu.Linux.Exec;

/// <summary>How an execve ended.</summary>
public enum ExecStatus
{
    /// <summary>The new program stands before its first instruction.</summary>
    Started,

    /// <summary>It returned an error, and the caller goes on as it was.</summary>
    Refused,

    /// <summary>It failed when the old program was gone already: the task died of SIGSEGV.</summary>
    Killed,
}
