using FastMmu.Processor;

namespace FastMmu;

/// <summary>Which accesses a <see cref="Watch"/> is told of.</summary>
[Flags]
public enum WatchKinds
{
    /// <summary>None: no watch has it.</summary>
    None = 0,

    /// <summary>Data reads, those of read-modify-writes among them.</summary>
    Read = 1 << 0,

    /// <summary>Data writes.</summary>
    Write = 1 << 1,

    /// <summary>Instruction fetches.</summary>
    Execute = 1 << 2,

    /// <summary>All.</summary>
    All = Read | Write | Execute,
}

internal static class WatchKindsOfAccess
{
    internal static WatchKinds ToWatchKind(this Access access) => access switch
    {
        Access.Execute => WatchKinds.Execute,
        Access.Write or Access.ShadowStackWrite => WatchKinds.Write,
        _ => WatchKinds.Read,
    };
}
