namespace FastMmu.Cli.MmTraces;

/// <summary>Numbers that lie behind each other in one of a trace's pools.</summary>
/// <param name="First">The first one's position; -1 if the line had none.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct PoolRange(int First, int Count)
{
    /// <summary>The line had none.</summary>
    public static PoolRange None => new(-1, 0);

    /// <summary>Whether the line had any.</summary>
    public bool IsThere => First >= 0;
}

/// <summary>A change of a list of areas: <paramref name="Removed"/> areas from <paramref name="Index"/> on give way to <paramref name="Areas"/>.</summary>
/// <param name="Index">Where the lists begin to differ.</param>
/// <param name="Removed">How many areas of the old list go.</param>
/// <param name="Areas">What comes instead.</param>
internal readonly record struct AreaChange(int Index, int Removed, PoolRange Areas)
{
    /// <summary>The list stayed as it was.</summary>
    public static AreaChange None => new(0, 0, PoolRange.None);
}

/// <summary>What a call did to a process that did not make it.</summary>
/// <param name="Process">The process.</param>
/// <param name="Change">What changed in its list.</param>
/// <param name="Counters">Its counters, if one changed.</param>
internal readonly record struct SideEffect(int Process, AreaChange Change, PoolRange Counters);

/// <summary>One recorded call with what it answered and changed.</summary>
internal struct TraceOp
{
    /// <summary>Its line in the file.</summary>
    public long Line;

    /// <summary>Its number in the trace.</summary>
    public int Index;

    /// <summary>The process that makes it.</summary>
    public int Process;

    /// <summary>Which call it is.</summary>
    public TraceCall Call;

    /// <summary>How many arguments were given.</summary>
    public int ArgumentCount;

    /// <summary>Its arguments: numbers sign-extended; an access as its letter, a resource limit as its number.</summary>
    public TraceArguments Arguments;

    /// <summary>The recorded answer.</summary>
    public TraceResult Result;

    /// <summary>The byte that a read found; -1 where none was recorded.</summary>
    public int ReadByte;

    /// <summary>What changed in the list of areas.</summary>
    public AreaChange Change;

    /// <summary>The counters after it, if one changed.</summary>
    public PoolRange Counters;

    /// <summary>The complete list of areas, where it was recorded.</summary>
    public PoolRange Full;

    /// <summary>The bytes of mincore or the words of pagemap.</summary>
    public PoolRange Pages;

    /// <summary>A forked child's areas.</summary>
    public PoolRange ChildAreas;

    /// <summary>A forked child's counters.</summary>
    public PoolRange ChildCounters;

    /// <summary>What happened to other processes.</summary>
    public PoolRange SideEffects;
}

/// <summary>The arguments of a call.</summary>
[System.Runtime.CompilerServices.InlineArray(6)]
internal struct TraceArguments
{
    private ulong _first;
}
