using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Tlb;
using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>What the replay of a trace counted and measured.</summary>
internal sealed class ReplayReport
{
    private readonly long[] _accesses = new long[4];
    private readonly long[] _pages = new long[3];
    private readonly long[] _repeats = new long[2];

    /// <summary>The file as the user named it.</summary>
    public required string Path { get; init; }

    /// <summary>How it was replayed.</summary>
    public required ReplayOptions Options { get; init; }

    /// <summary>Accesses of the program.</summary>
    public long Accesses => _accesses.Sum();

    /// <summary>Translations: one for each access, two where it crosses a page.</summary>
    public long Translations { get; set; }

    /// <summary>Translations of addresses that are not canonical; no table can map them.</summary>
    public long Refused { get; set; }

    /// <summary>Pages touched.</summary>
    public long Pages { get; set; }

    /// <summary>Bytes of the page tables made.</summary>
    public long TableBytes { get; set; }

    /// <summary>What the MMU counted; <see cref="RepeatsOf"/> comes on top.</summary>
    public MmuStatistics Counted { get; set; }

    /// <summary>The arrays of its TLB.</summary>
    public IReadOnlyList<TlbArrayDescription> Arrays { get; set; } = [];

    /// <summary>Nanoseconds a translation with everything counted, by the model of the TLB.</summary>
    public double CountedNanoseconds { get; set; }

    /// <summary>Nanoseconds a translation without counting, one after another.</summary>
    public double ScalarNanoseconds { get; set; }

    /// <summary>Nanoseconds a translation without counting, in batches.</summary>
    public double BatchNanoseconds { get; set; }

    /// <summary>All the time it took, reading included.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>Accesses a second, reading included.</summary>
    public double AccessesPerSecond => Elapsed > TimeSpan.Zero ? Accesses / Elapsed.TotalSeconds : 0;

    /// <summary>Accesses of one kind.</summary>
    public ref long this[TraceAccessKind kind] => ref _accesses[(int)kind];

    /// <summary>Pages touched by accesses of one kind: read, write or fetch.</summary>
    public ref long PagesOf(Access access) => ref _pages[(int)access];

    /// <summary>Hits of the first level that were known without asking: the access before, of the same kind, was to the same page.</summary>
    public ref long RepeatsOf(TlbAccess kind) => ref _repeats[(int)kind];

    /// <summary>Hits and misses of each level, for each kind of access that goes there.</summary>
    public IEnumerable<ReplayLevel> Levels()
    {
        TlbStatistics tlb = Counted.Tlb;
        int deepest = Arrays.Count == 0 ? 0 : Arrays.Max(a => a.Level);
        foreach (TlbAccess kind in new[] { TlbAccess.Instruction, TlbAccess.Data })
        {
            ulong misses = tlb.MissesOf(kind);
            var hits = new ulong[deepest + 1];
            for (int level = 1; level <= deepest; level++) hits[level] = tlb.Hits(level, kind, Options.PageSize);
            if (deepest > 0) hits[1] += (ulong)RepeatsOf(kind);
            for (int level = 1; level <= deepest; level++)
            {
                ulong missed = misses;
                for (int below = level + 1; below <= deepest; below++) missed += hits[below];
                yield return new(level, kind, Options.PageSize, hits[level], missed);
            }
        }
    }
}

/// <summary>One level of the TLB, as one kind of access found it.</summary>
/// <param name="Level">1 or 2.</param>
/// <param name="Kind">Fetches or data.</param>
/// <param name="Pages">The size of the pages.</param>
/// <param name="Hits">Lookups that ended here.</param>
/// <param name="Misses">Lookups that went on.</param>
internal readonly record struct ReplayLevel(int Level, TlbAccess Kind, PageSize Pages, ulong Hits, ulong Misses);
