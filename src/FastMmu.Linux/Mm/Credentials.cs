namespace FastMmu.Linux.Mm;

/// <summary>Who a process is, as far as memory calls ask.</summary>
public sealed record Credentials
{
    /// <summary>A user without capabilities.</summary>
    public static Credentials User { get; } = new() { UserId = 1000, GroupId = 1000 };

    /// <summary>The superuser.</summary>
    public static Credentials Root { get; } = new() { CanLockMemory = true, CanUseRawIo = true, CanRaiseLimits = true, IsAdministrator = true };

    /// <summary>The user id.</summary>
    public int UserId { get; init; }

    /// <summary>The group id.</summary>
    public int GroupId { get; init; }

    /// <summary>CAP_IPC_LOCK: no limit on locked memory.</summary>
    public bool CanLockMemory { get; init; }

    /// <summary>CAP_SYS_RAWIO: may map below mmap_min_addr.</summary>
    public bool CanUseRawIo { get; init; }

    /// <summary>CAP_SYS_RESOURCE: may raise hard limits.</summary>
    public bool CanRaiseLimits { get; init; }

    /// <summary>CAP_SYS_ADMIN: may use the reserve, sees frame numbers.</summary>
    public bool IsAdministrator { get; init; }
}
