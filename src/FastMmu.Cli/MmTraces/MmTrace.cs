using System.Runtime.InteropServices;

namespace FastMmu.Cli.MmTraces;

/// <summary>The state of a process at the end of a trace.</summary>
/// <param name="Process">The process.</param>
/// <param name="Brk">Its break.</param>
/// <param name="Counters">Its counters.</param>
/// <param name="Areas">Its areas.</param>
internal readonly record struct FinalState(int Process, ulong Brk, PoolRange Counters, PoolRange Areas);

/// <summary>One recorded trace: a process, the calls it made, and what they answered. What lines hold many of lies in pools.</summary>
internal sealed class MmTrace
{
    private readonly List<TraceArea> _areas = [];
    private readonly List<long> _numbers = [];
    private readonly List<SideEffect> _sideEffects = [];

    /// <param name="line">The line of its header.</param>
    /// <param name="header">What it starts with.</param>
    public MmTrace(long line, TraceHeader header)
    {
        Line = line;
        Header = header;
    }

    /// <summary>The line of its header.</summary>
    public long Line { get; }

    /// <summary>The line of its end.</summary>
    public long EndLine { get; set; }

    /// <summary>What it starts with.</summary>
    public TraceHeader Header { get; }

    /// <summary>The calls.</summary>
    public List<TraceOp> Ops { get; } = [];

    /// <summary>What is left at the end.</summary>
    public List<FinalState> Finals { get; } = [];

    /// <summary>Areas of a line.</summary>
    public ReadOnlySpan<TraceArea> Areas(PoolRange range) => range.IsThere ? CollectionsMarshal.AsSpan(_areas).Slice(range.First, range.Count) : default;

    /// <summary>Numbers of a line.</summary>
    public ReadOnlySpan<long> Numbers(PoolRange range) => range.IsThere ? CollectionsMarshal.AsSpan(_numbers).Slice(range.First, range.Count) : default;

    /// <summary>Side effects of a line.</summary>
    public ReadOnlySpan<SideEffect> SideEffects(PoolRange range) => range.IsThere ? CollectionsMarshal.AsSpan(_sideEffects).Slice(range.First, range.Count) : default;

    internal int AreaCount => _areas.Count;

    internal int NumberCount => _numbers.Count;

    internal int SideEffectCount => _sideEffects.Count;

    internal void Add(in TraceArea area) => _areas.Add(area);

    internal void Add(long number) => _numbers.Add(number);

    internal void Add(in SideEffect effect) => _sideEffects.Add(effect);
}
