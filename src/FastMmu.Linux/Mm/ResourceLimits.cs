namespace FastMmu.Linux.Mm;

/// <summary>The resource limits of a process (rlimit).</summary>
public sealed class ResourceLimits
{
    /// <summary>RLIMIT_DATA.</summary>
    public const int Data = 2;

    /// <summary>RLIMIT_STACK.</summary>
    public const int Stack = 3;

    /// <summary>RLIMIT_MEMLOCK.</summary>
    public const int MemoryLock = 8;

    /// <summary>RLIMIT_AS.</summary>
    public const int AddressSpace = 9;

    /// <summary>How many resources there are (RLIM_NLIMITS).</summary>
    public const int Count = 16;

    private readonly ResourceLimit[] _limits = new ResourceLimit[Count];

    /// <summary>The limits of a login: 8 MiB of stack, 8 MiB of locked memory, nothing else limited.</summary>
    public ResourceLimits()
    {
        Array.Fill(_limits, new ResourceLimit(ResourceLimit.Infinity, ResourceLimit.Infinity));
        _limits[Stack] = new ResourceLimit(8 << 20, ResourceLimit.Infinity);
        _limits[MemoryLock] = new ResourceLimit(8 << 20, 8 << 20);
    }

    /// <summary>A limit.</summary>
    /// <param name="resource">Its number, below <see cref="Count"/>.</param>
    public ResourceLimit this[int resource]
    {
        get => _limits[resource];
        set => _limits[resource] = value;
    }

    /// <summary>A copy, as fork makes it.</summary>
    public ResourceLimits Copy()
    {
        ResourceLimits copy = new();
        _limits.CopyTo(copy._limits, 0);
        return copy;
    }
}
