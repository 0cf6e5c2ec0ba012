namespace FastMmu.Linux.Mm;

/// <summary>Whether an address space refuses memory that was or is writable and may be executed (memory-deny-write-execute): what PR_SET_MDWE takes and PR_GET_MDWE returns.</summary>
[Flags]
public enum DenyWriteExec
{
    /// <summary>Nothing is refused.</summary>
    None = 0,

    /// <summary>mmap gives nothing that is writable and executable, mprotect makes nothing executable that is not, or writable that stays executable (PR_MDWE_REFUSE_EXEC_GAIN).</summary>
    RefuseExecGain = 1,

    /// <summary>Neither a forked child nor an executed program takes it over (PR_MDWE_NO_INHERIT).</summary>
    NoInherit = 2,
}
