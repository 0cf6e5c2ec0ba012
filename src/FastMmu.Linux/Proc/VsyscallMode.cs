namespace FastMmu.Linux.Proc;

/// <summary>What a kernel does with the vsyscall page (the vsyscall= parameter).</summary>
public enum VsyscallMode
{
    /// <summary>It has none.</summary>
    None,

    /// <summary>Calls work, reads fault; the page shows as <c>--xp</c>. The default of today.</summary>
    ExecuteOnly,

    /// <summary>Reads work too; the page shows as <c>r-xp</c>.</summary>
    Emulate,
}
