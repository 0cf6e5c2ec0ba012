namespace FastMmu.Paging.Walk;

/// <summary>Whether a walk leaves traces in memory; a type argument, so that a probe is the same walker with the writes compiled out.</summary>
public interface IWalkEffects
{
    /// <summary>Whether accessed and dirty bits are set.</summary>
    static abstract bool UpdatesAccessedDirty { get; }
}

/// <summary>The walk of a real access: sets accessed and dirty bits.</summary>
public readonly struct RealAccess : IWalkEffects
{
    /// <inheritdoc/>
    public static bool UpdatesAccessedDirty => true;
}

/// <summary>A look without a trace, for debuggers and tests.</summary>
public readonly struct ProbeOnly : IWalkEffects
{
    /// <inheritdoc/>
    public static bool UpdatesAccessedDirty => false;
}
