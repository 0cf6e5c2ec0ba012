namespace FastMmu.Linux.Mm;

/// <summary>What madvise can be told (MADV_*).</summary>
public static class Advice
{
    /// <summary>No special treatment.</summary>
    public const int Normal = 0;

    /// <summary>Random accesses.</summary>
    public const int Random = 1;

    /// <summary>Sequential accesses.</summary>
    public const int Sequential = 2;

    /// <summary>Read ahead.</summary>
    public const int WillNeed = 3;

    /// <summary>Drop the pages now.</summary>
    public const int DontNeed = 4;

    /// <summary>Drop the pages when memory is short.</summary>
    public const int Free = 8;

    /// <summary>Punch a hole into the file.</summary>
    public const int Remove = 9;

    /// <summary>Leave out of forks.</summary>
    public const int DontFork = 10;

    /// <summary>Undo <see cref="DontFork"/>.</summary>
    public const int DoFork = 11;

    /// <summary>May be merged by KSM.</summary>
    public const int Mergeable = 12;

    /// <summary>Undo <see cref="Mergeable"/>.</summary>
    public const int Unmergeable = 13;

    /// <summary>Prefer huge pages.</summary>
    public const int HugePage = 14;

    /// <summary>Never huge pages.</summary>
    public const int NoHugePage = 15;

    /// <summary>Leave out of core dumps.</summary>
    public const int DontDump = 16;

    /// <summary>Undo <see cref="DontDump"/>.</summary>
    public const int DoDump = 17;

    /// <summary>A forked child sees zeroes.</summary>
    public const int WipeOnFork = 18;

    /// <summary>Undo <see cref="WipeOnFork"/>.</summary>
    public const int KeepOnFork = 19;

    /// <summary>Reclaim these first.</summary>
    public const int Cold = 20;

    /// <summary>Reclaim now.</summary>
    public const int PageOut = 21;

    /// <summary>Fault in for reading.</summary>
    public const int PopulateRead = 22;

    /// <summary>Fault in for writing.</summary>
    public const int PopulateWrite = 23;

    /// <summary><see cref="DontNeed"/> that also takes locked areas.</summary>
    public const int DontNeedLocked = 24;

    /// <summary>Make a huge page now.</summary>
    public const int Collapse = 25;

    /// <summary>Poison the pages, for tests.</summary>
    public const int HwPoison = 100;

    /// <summary>Take the pages offline, for tests.</summary>
    public const int SoftOffline = 101;

    /// <summary>Make accesses fault without splitting the area.</summary>
    public const int GuardInstall = 102;

    /// <summary>Undo <see cref="GuardInstall"/>.</summary>
    public const int GuardRemove = 103;

    // Not madvise's, but the same walk over areas (__MADV_SET_ANON_VMA_NAME).
    internal const int SetName = -1;
}
