namespace FastMmu.Linux.Mm;

/// <summary>Which kind of task it is: how wide its addresses are, and under which kernel.</summary>
public enum TaskAbi
{
    /// <summary>A 64-bit task of a 64-bit kernel.</summary>
    X86_64,

    /// <summary>A 32-bit task of a 64-bit kernel (ia32 emulation).</summary>
    Compat32,

    /// <summary>A task of a 32-bit kernel.</summary>
    I386,
}
